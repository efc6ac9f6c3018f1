-- Proxies that nobody here wrote, with users and without.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, has = support.cert, support.has
local server_options = { cert = cert "server.pem", key = cert "server.key" }
local ca = { ca = cert "ca.pem" }

local function needs(program)
  if not has(program) then pending(program .. " is not installed") end
  return has(program)
end

--- A proxy's port, once it listens.
local function wait_for(port)
  assert(support.connect("tcp://127.0.0.1:" .. port)):close()
  return port
end

local function microsocks(arguments)
  local port = support.free_port()
  local stop = support.spawn(("exec microsocks -i 127.0.0.1 -p %d %s"):format(port, arguments))
  return wait_for(port), stop
end

local function tinyproxy(lines)
  local port, file = support.free_port(), os.tmpname()
  local f = assert(io.open(file, "w"))
  f:write(("Port %d\nListen 127.0.0.1\nTimeout 20\nMaxClients 10\n"):format(port), lines)
  f:close()
  local stop = support.spawn("exec tinyproxy -d -c " .. file)
  wait_for(port)
  return port, function()
    stop()
    os.remove(file)
  end
end

--- A listener that localhost leads to, whichever of its addresses a proxy tries.
local function listen_to_all(scheme, tls)
  local l = urlsock.listen(scheme .. "://[::]:0", { tls = tls, ipv6only = false })
  return l or assert(urlsock.listen(scheme .. "://127.0.0.1:0", { tls = tls }))
end

--- A word there and back through a proxy, with TLS from the start and with STARTTLS; the peer's
-- name as the server saw it.
local function talk(proxy)
  for _, scheme in ipairs { "tls", "tcp" } do
    local l = listen_to_all(scheme, scheme == "tls" and server_options or nil)
    local url = ("%s://localhost:%d"):format(scheme, urlsock.parse(l:localname()).port)
    local results = support.together(function()
      local s = assert(urlsock.connect(url, { via = proxy, tls = scheme == "tls" and ca or nil }))
      if scheme == "tcp" then
        assert.equal("go", s:read())
        assert(s:starttls(ca))
      end
      assert.equal("localhost", s:info().servername)
      s:write(("x"):rep(100000), "\n")
      local answer = s:read()
      s:close()
      return answer
    end, function()
      local s = assert(l:accept(10))
      if scheme == "tcp" then
        s:write "go\n"
        assert(s:starttls(server_options))
      end
      s:write(#assert(s:read()), "\n")
      s:close(5)
    end)
    assert.equal("100000", results[1])
    l:close()
  end
end

local function refused(proxy, target)
  local s, message, code = urlsock.connect(target, { via = proxy, timeout = 20 })
  assert.is_nil(s)
  return code, message
end

describe("microsocks", function()
  it("leads to a peer, and says where there is none", function()
    if not needs "microsocks" then return end
    local port, stop = microsocks ""
    local proxy = "socks5://127.0.0.1:" .. port
    talk(proxy)
    assert.equal("refused", (refused(proxy, "tcp://127.0.0.1:" .. support.free_port())))
    stop()
  end)

  it("wants a user and a password", function()
    if not needs "microsocks" then return end
    local port, stop = microsocks "-u someone -P 'pass:w@rd'"
    talk(("socks5://someone:pass%%3Aw%%40rd@127.0.0.1:%d"):format(port))
    assert.equal("denied", (refused("socks5://someone:wrong@127.0.0.1:" .. port, "a.test:1")))
    assert.equal("denied", (refused("socks5://127.0.0.1:" .. port, "a.test:1")))
    stop()
  end)
end)

describe("tinyproxy", function()
  it("leads to a peer, and says where there is none", function()
    if not needs "tinyproxy" then return end
    local port, stop = tinyproxy ""
    local proxy = "http://127.0.0.1:" .. port
    talk(proxy)
    local code, message = refused(proxy, "tcp://127.0.0.1:" .. support.free_port())
    assert.equal("refused", code)
    assert.matches("via http://127.0.0.1:%d+: 500 ", message)
    stop()
  end)

  it("wants a user and a password, and has rules", function()
    if not needs "tinyproxy" then return end
    local port, stop = tinyproxy "BasicAuth someone secret\n"
    talk("http://someone:secret@127.0.0.1:" .. port)
    assert.equal("denied", (refused("http://someone:wrong@127.0.0.1:" .. port, "a.test:1")))
    assert.equal("denied", (refused("http://127.0.0.1:" .. port, "a.test:1")))
    stop()
    port, stop = tinyproxy "ConnectPort 443\n"
    local code, message = refused("http://127.0.0.1:" .. port, "a.test:25")
    assert.equal("refused", code)
    assert.matches("403 ", message)
    stop()
  end)
end)

describe("haproxy before tinyproxy", function()
  it("is a proxy under TLS, with TLS in it", function()
    if not needs "tinyproxy" or not needs "haproxy" then return end
    local inner, stop_inner = tinyproxy ""
    local outer, file = support.free_port(), os.tmpname()
    local f = assert(io.open(file, "w"))
    f:write(([[
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind 127.0.0.1:%d ssl crt %s
  server back 127.0.0.1:%d
]]):format(outer, cert "server.all.pem", inner))
    f:close()
    local stop = support.spawn("PATH=$PATH:/usr/sbin; exec haproxy -db -f " .. file)
    wait_for(outer)
    talk { url = "https://localhost:" .. outer, tls = ca }
    assert.equal("verify", (refused({ url = "https://localhost:" .. outer,
      tls = { ca = cert "other-ca.pem" } }, "a.test:1")))
    stop()
    stop_inner()
    os.remove(file)
  end)
end)
