-- The PROXY protocol as haproxy and curl speak it.
local support = require "spec.support.init"
local urlsock = require "urlsock"

local cert, has = support.cert, support.has
local server_options = { cert = cert "server.pem", key = cert "server.key" }
local ca = { ca = cert "ca.pem" }

local function needs(program)
  if not has(program) then pending(program .. " is not installed") end
  return has(program)
end

--- haproxy from a port of its own to another one.
local function haproxy(back, option)
  local port, file = support.free_port(), os.tmpname()
  local f = assert(io.open(file, "w"))
  f:write(([[
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen front
  bind 127.0.0.1:%d
  server back 127.0.0.1:%d %s
]]):format(port, back, option))
  f:close()
  local stop = support.spawn("PATH=$PATH:/usr/sbin; exec haproxy -db -f " .. file)
  return port, function()
    stop()
    os.remove(file)
  end
end

local versions = {
  ["send-proxy"] = 1, ["send-proxy-v2"] = 2,
  ["send-proxy-v2 proxy-v2-options crc32c,unique-id"] = 2,
}

describe("haproxy", function()
  for option, version in pairs(versions) do
    it("says where a client comes from: " .. option, function()
      if not needs "haproxy" then return end
      for _, scheme in ipairs { "tcp", "tls" } do
        local l = assert(urlsock.listen(scheme .. "://127.0.0.1:0", { proxy = "require",
          tls = scheme == "tls" and server_options or nil }))
        local port, stop = haproxy(urlsock.parse(l:localname()).port, option)
        local client, server = support.together(function()
          local c
          repeat
            c = urlsock.connect(("%s://localhost:%d"):format(scheme, port),
              { tls = scheme == "tls" and ca or nil, bind = "127.0.0.1", family = "inet" })
            if not c then coroutine.yield() end
          until c
          local name = c:localname():match "//(.*)"
          c:write "hello\n"
          assert.equal("bye", c:read())
          c:close()
          return name
        end, function()
          local s = assert(l:accept(10))
          assert.equal("hello", s:read())
          local info = s:info()
          s:write "bye\n"
          s:close(5)
          return info.proxy
        end)
        assert.same({ version = version, source = "tcp://" .. client[1],
          destination = "tcp://127.0.0.1:" .. port }, server[1])
        stop()
        l:close()
      end
    end)
  end
end)

describe("curl --haproxy-protocol", function()
  it("comes before https", function()
    if not needs "curl" then return end
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { proxy = "require",
      tls = server_options }))
    local port = urlsock.parse(l:localname()).port
    local curl = io.popen(("curl -s --noproxy '*' --haproxy-protocol --cacert %s "
      .. "https://localhost:%d/"):format(cert "ca.pem", port))
    local s, peer = assert(l:accept(10))
    assert.equal("GET / HTTP/1.1", s:read())
    repeat local line = assert(s:read()) until line == ""
    assert.same({ version = 1, source = "tcp" .. peer:sub(4),
      destination = "tcp://127.0.0.1:" .. port }, s:info().proxy)
    s:write "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    s:close()
    assert.equal("hello", curl:read "*a")
    curl:close()
    l:close()
  end)
end)
