local support = require "spec.support.init"
local urlsock = require "urlsock"

-- The descriptors of this process, by the one that the next open would get.
local function next_fd()
  collectgarbage()
  collectgarbage()
  local a, b = assert(urlsock.pair())
  local fd = a:fd()
  a:close()
  b:close()
  return fd
end

describe("a failure", function()
  local l
  before_each(function() l = assert(urlsock.listen("tcp://127.0.0.1:0")) end)
  after_each(function() l:close() end)

  -- Does it 40 times, and looks whether a descriptor was left behind.
  local function flat(f)
    local before = next_fd()
    for _ = 1, 40 do f() end
    assert.equal(before, next_fd())
  end

  it("leaves no descriptor: refused, not resolved, bad options", function()
    flat(function()
      assert.is_nil((urlsock.connect("tcp://127.0.0.1:1")))
      assert.is_nil((urlsock.connect("tls://127.0.0.1:1", { tls = { ca = "/nonexistent" } })))
      assert.is_nil((urlsock.connect("tcp://127.0.0.1:1", { bind = "192.0.2.1" })))
      assert.is_nil((urlsock.listen(l:localname())))
      assert.is_nil((urlsock.listen("tls://127.0.0.1:0")))
    end)
    assert.is_nil((urlsock.connect("tcp://nosuch.invalid:1")))
  end)

  it("leaves no descriptor: handshakes that fail or are given up", function()
    local url = l:localname():gsub("tcp", "tls")
    flat(function()
      local c = urlsock.connect(url, { timeout = 0, tls = { ca = support.cert "ca.pem" } })
      assert.is_nil(c)
      local a, b = assert(urlsock.pair())
      b:write("250 injected\r\n")
      assert.is_nil((a:starttls(support.client)))
      b:close()
    end)
  end)

  it("leaves no descriptor: dialogues that fail", function()
    flat(function()
      local a, b = assert(urlsock.pair())
      b:write("554 no\r\n")
      assert.is_nil((a:starttls(support.with(support.client, { protocol = "smtp" }))))
      b:close()
      assert.is_nil((urlsock.connect(l:localname(), { starttls = "smtp", timeout = 0 })))
      l:accept():close()
    end)
  end)

  it("leaves no descriptor: streams that nobody closes", function()
    flat(function()
      local c = assert(urlsock.connect(l:localname()))
      local s = assert(l:accept())
      s:write "x"
      c:read(1)
    end)
  end)

  it("leaves no descriptor: sockets that their choosing function knows", function()
    flat(function()
      local listener
      listener = assert(urlsock.listen("tls://127.0.0.1:0", {
        tls = function() return listener and nil end,
      }))
      local a, b = assert(urlsock.pair())
      a:write "\22"
      b:settimeout(0)
      assert.is_nil((b:starttls(function() return b and nil end)))
    end)
  end)

  it("is no child's: descriptors are close-on-exec", function()
    local c = assert(urlsock.connect(l:localname()))
    local pipe = io.popen("ls -l /proc/self/fd 2>/dev/null | grep -c socket")
    assert.equal("0", pipe:read "*l")
    pipe:close()
    c:close()
  end)
end)

describe("a thousand connections with starttls, good ones and bad ones", function()
  it("leave no descriptor, and no memory", function()
    local left, grown = support.shell(os.getenv "LUA" .. " spec/support/soak.lua 1000"):match(
      "^1000 cycles: (%-?%d+) descriptors, (%-?%d+) KiB more$")
    assert.equal("0", left)
    -- a sanitizer keeps what was freed
    if not os.getenv "ASAN_OPTIONS" then assert.is_true(tonumber(grown) < 1024, grown) end
  end)
end)
