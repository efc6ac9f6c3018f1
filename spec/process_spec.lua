-- What the library does to the process that it lives in, and what the system may refuse it.
local core = require "urlsock.core"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local lua = os.getenv "LUA" or "lua"

-- Runs Lua code in a child, by way of a shell command that ends in the interpreter's name.
local function child(code, before)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  support.shell("chmod 644 " .. path)
  local output = support.shell(("%s %s %s 2>&1"):format(before or "", lua, path))
  os.remove(path)
  return output
end

local function root() return support.shell "id -u" == "0" end

local function has(program) return support.shell("command -v " .. program) ~= "" end

-- Runs the child as a user without rights.
local function as_nobody(code)
  return child(code, root() and "setpriv --reuid=65534 --regid=65534 --clear-groups" or "")
end

local function cannot_change_user() return root() and not has "setpriv" end

describe("the process", function()
  it("keeps its signal dispositions, and does not die of a closed peer", function()
    local output = child [[
      local function signals()
        local file = io.open "/proc/self/status"
        local all = file:read "*a"
        file:close()
        local found = ""
        -- signals 1 to 28: the threads of the C library take 32 and 33 for themselves
        for mask in all:gmatch "Sig[BIC]%l+:%s*%x+(%x%x%x%x%x%x%x)\n" do
          found = found .. mask
        end
        assert(#found == 21)
        return found
      end
      local before = signals()
      local urlsock = require "urlsock"
      assert(signals() == before, "require")
      local a, b = urlsock.pair()
      b:close()
      for _ = 1, 3 do
        local ok, message, code = a:write "x"
        assert(not ok and code == "reset", message)
      end
      local l = urlsock.listen "tcp://127.0.0.1:0"
      local c = urlsock.connect(l:localname())
      local s = l:accept()
      s:close()
      while c:write(("x"):rep(100000)) do end
      local x, y = urlsock.pair()
      y:close()
      assert(not x:starttls { servername = "localhost", insecure_noverifycert = true })
      local d, e = urlsock.pair "datagram"
      e:close()
      assert(not d:send "x")
      assert(not urlsock.connect "tcp://nosuch.invalid:1")
      assert(signals() == before, "use")
      print "alive"
    ]]
    assert.equal("alive", output)
  end)

  it("hands no descriptor to a child", function()
    local path = os.tmpname()
    os.remove(path)
    local open = {
      assert(urlsock.listen("tcp://127.0.0.1:0")), assert(urlsock.listen("unix://" .. path)),
      assert(urlsock.listen("udp://127.0.0.1:0")), assert(urlsock.connect("udp://127.0.0.1:9")),
    }
    open[5] = assert(urlsock.connect(open[1]:localname()))
    open[6] = assert(open[1]:accept())
    open[7], open[8] = urlsock.pair()
    open[9], open[10] = urlsock.pair "datagram"
    assert.equal("0", support.shell "ls -l /proc/self/fd | grep -c socket:")
    for _, socket in ipairs(open) do socket:close() end
  end)
end)

describe("the system", function()
  it("denies a unix socket whose file one may not write", function()
    if cannot_change_user() then return pending "setpriv is not installed" end
    local path = os.tmpname()
    os.remove(path)
    local l = assert(urlsock.listen("unix://" .. path, { mode = 0 }))
    local output = as_nobody(([[
      print(select(3, require "urlsock".connect "unix://%s"))
    ]]):format(path))
    l:close()
    assert.equal("denied", output)
  end)

  it("denies a directory that one may not write", function()
    if cannot_change_user() then return pending "setpriv is not installed" end
    assert.equal("denied", as_nobody [[
      print(select(3, require "urlsock".listen "unix:///etc/urlsock-spec"))
    ]])
  end)

  it("denies a port below 1024", function()
    if cannot_change_user() then return pending "setpriv is not installed" end
    local file = io.open "/proc/sys/net/ipv4/ip_unprivileged_port_start"
    local first = file and file:read "*n" or 1024
    if file then file:close() end
    if first < 1024 then return pending "low ports are free for all here" end
    assert.equal("denied", as_nobody [[
      print(select(3, require "urlsock".listen "tcp://127.0.0.1:7"))
    ]])
  end)

  it("reports an address in use, of each kind", function()
    local path = os.tmpname()
    os.remove(path)
    for _, url in ipairs {
      "tcp://127.0.0.1:0", "tcp://[::1]:0", "udp://127.0.0.1:0", "unix://" .. path,
      "udg://" .. path .. ".g", "unix://@urlsock-inuse", "udg://@urlsock-inuse",
    } do
      local l = assert(urlsock.listen(url))
      local other, message, code = urlsock.listen(l:localname())
      assert.is_nil(other)
      assert.equal("inuse", code, url)
      assert.matches("in use", message)
      l:close()
    end
  end)

  it("runs out of descriptors: code system, and none is lost", function()
    local output = child([[
      local urlsock = require "urlsock"
      local a, b = urlsock.pair()
      local l = urlsock.listen "tcp://127.0.0.1:0"
      local url, first = l:localname(), a:fd()
      local hoard = {}
      local c, message, code
      repeat
        c, message, code = urlsock.connect(url)
        hoard[#hoard + 1] = c
      until not c
      assert(code == "system", message)
      for _ = 1, 50 do
        for _, f in ipairs {
          function() return urlsock.connect(url) end, function() return urlsock.listen(url) end,
          function() return urlsock.listen "udp://127.0.0.1:0" end, urlsock.pair,
          function() return urlsock.pair "datagram" end, function() return l:accept() end,
        } do
          local s, m, e = f()
          assert(not s and (e == "system" or e == "inuse"), m)
        end
      end
      assert(a:write "still there\n" and b:read() == "still there")
      for _, s in ipairs(hoard) do s:close() end
      a:close()
      local d = urlsock.pair()
      assert(d:fd() == first, "leaked")
      -- what waited for a descriptor is served now
      assert(l:accept())
      print(message:match "too many open descriptors")
    ]], "ulimit -n 40;")
    assert.equal("too many open descriptors", output)
  end)
end)

describe("a code", function()
  -- Codes that no spec can bring about from outside, and why.
  local exempt = {
    memory = "needs an allocation that fails: the tests in C make them fail",
    starttls = "is said by the dialogues only",
    none = "is no error",
  }

  it("is asserted in some spec", function()
    local all = support.shell("cat spec/*_spec.lua spec/interop/*_spec.lua spec/data/*.jsonl")
    -- this very list does not count
    all = all:gsub("local exempt = %b{}", "")
    for _, code in ipairs(core.codes) do
      if not exempt[code] then
        assert.is_truthy(all:find('"' .. code .. '"', 1, true) or all:find(code .. "|", 1, true),
          code)
      end
    end
    assert.is_true(#core.codes >= 22)
  end)

  it("is a word in small letters", function()
    for _, code in ipairs(core.codes) do assert.matches("^%l+$", code) end
  end)
end)
