-- Sockets shaped like ngx.socket.tcp. The oracle is nginx with its Lua module: what it answered is
-- in spec/data/cosocket.lua. Debian cannot have that module and LuaJIT at once, so it is asked
-- again only where NGINX_LUA names the directory that its packages were unpacked to.
local cosocket = require "urlsock.cosocket"
local expected = dofile "spec/data/cosocket.lua"
local support = require "spec.support.init"
local talks = require "spec.support.cosocket_talks"
local urlsock = require "urlsock"

local root = os.getenv "NGINX_LUA"

local configuration = [[
load_module ROOT/usr/lib/nginx/modules/ndk_http_module.so;
load_module ROOT/usr/lib/nginx/modules/ngx_http_lua_module.so;
daemon off; master_process off; pid DIR/pid; error_log DIR/log;
events {}
http {
  lua_package_path "ROOT/usr/share/lua/5.1/?.lua;;";
  access_log off; lua_socket_log_errors off;
  client_body_temp_path DIR/1; proxy_temp_path DIR/2; fastcgi_temp_path DIR/3;
  uwsgi_temp_path DIR/4; scgi_temp_path DIR/5;
  server {
    listen unix:DIR/http;
    location / {
      content_by_lua_block {
        local talks = dofile "HERE/spec/support/cosocket_talks.lua"
        local name = ngx.unescape_uri(ngx.var.arg_name)
        local ok, text = pcall(talks.run, name, ngx.socket.tcp, tonumber(ngx.var.arg_port))
        ngx.print(text)
      }
    }
  }
}
]]

--- What a talk came to: `ask(port)` says how it is had. The first client is served, until the
-- talk is over.
local function result_of(name, ask)
  local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
  local port = urlsock.parse(l:localname()).port
  local s, is_over
  local results = support.together(function()
    local answer = ask(port)
    is_over = true
    if s then s:close() end
    return answer
  end, function()
    s = assert(l:accept())
    if not is_over then talks.talks[name][1](s) end
    s:close()
  end)
  l:close()
  return results[1]
end

describe("a cosocket", function()
  local dir, stop

  setup(function()
    if not root then return end
    dir = support.shell "mktemp -d"
    local f = assert(io.open(dir .. "/nginx.conf", "w"))
    local here = support.shell "pwd"
    f:write((configuration:gsub("DIR", dir):gsub("HERE", here):gsub("ROOT", root)))
    f:close()
    local libraries = root .. "/usr/lib/x86_64-linux-gnu"
    stop = support.spawn(("LD_LIBRARY_PATH=%s exec nginx -c %s/nginx.conf -p %s")
      :format(libraries, dir, dir))
    local s = support.connect("unix://" .. dir .. "/http")
    if s then s:close() end
  end)

  teardown(function()
    if stop then stop() end
    if dir then os.execute("rm -rf " .. dir) end
  end)

  local function ask_nginx(name, port)
    local s = assert(urlsock.connect("unix://" .. dir .. "/http"))
    s:write(("GET /?port=%d&name=%s HTTP/1.0\r\n\r\n"):format(port, (name:gsub("%W",
      function(c) return ("%%%02x"):format(c:byte()) end))))
    local answer = assert(s:read "a")
    s:close()
    return answer:match "\r\n\r\n(.*)"
  end

  local names = {}
  for name in pairs(talks.talks) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("answers as nginx's does: " .. name, function()
      if root then
        assert.equal(expected[name], result_of(name, function(port)
          return ask_nginx(name, port)
        end))
      end
      assert.equal(expected[name], result_of(name, function(port)
        return talks.run(name, cosocket.tcp, port)
      end))
    end)
  end

  local function tls_server(certificate)
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { timeout = 10,
      tls = { cert = support.cert(certificate .. ".pem"),
        key = support.cert(certificate .. ".key") } }))
    return l, urlsock.parse(l:localname()).port
  end

  local function shaken(certificate, ...)
    local given, n = { ... }, select("#", ...)
    local l, port = tls_server(certificate)
    local unpack = table.unpack or unpack
    local r = support.together(function()
      local sock = cosocket.tcp()
      assert(sock:connect("127.0.0.1", port))
      local ok, word = sock:sslhandshake(unpack(given, 1, n))
      local line = ok and sock:receive()
      return { ok, word, line, { sock:send "secret" } }
    end, function()
      local s = assert(l:accept())
      s:write "hello\n"
      local got = s:read(6)
      s:close()
      return { got }
    end)
    l:close()
    return r[1]
  end

  describe("under TLS", function()
    before_each(function() cosocket.tls = { ca = support.cert "ca.pem" } end)
    after_each(function() cosocket.tls = {} end)

    it("verifies the name that is given, or the host of connect", function()
      assert.same({ true, nil, "hello", { 6 } }, (shaken("server", nil, "localhost")))
      assert.same({ true, nil, "hello", { 6 } }, (shaken "server"))
    end)

    it("verifies by default, and closes a connection that fails", function()
      for _, case in ipairs { { "selfsigned", nil, "localhost" }, { "server", nil, "other.test" },
        { "expired", nil, "localhost", true }, { "wronghost" }, { "selfsigned", nil, nil, nil } } do
        local r = shaken(case[1], case[2], case[3], case[4])
        assert.is_nil(r[1])
        assert.is_string(r[2])
        assert.same({ nil, "closed" }, r[4])
      end
    end)

    it("verifies nothing only when told so", function()
      assert.is_true(shaken("selfsigned", nil, "localhost", false)[1])
    end)

    it("refuses plaintext that came before the handshake", function()
      local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
      local sock = cosocket.connect("127.0.0.1", urlsock.parse(l:localname()).port)
      local s = assert(l:accept())
      s:write "220 go ahead\r\ninjected\r\n"
      assert.equal("220 go ahead", sock:receive())
      local ok, word = sock:sslhandshake(nil, "localhost")
      assert.is_nil(ok)
      assert.matches("plaintext", word)
      l:close()
    end)

    it("has no other name's connection from the pool", function()
      local l, port = tls_server "selfsigned"
      local r = support.together(function()
        local results = {}
        for i, verify in ipairs { false, false, true } do
          local sock = cosocket.tcp()
          assert(sock:connect("127.0.0.1", port))
          local reused = sock:getreusedtimes()
          local ok, word = sock:sslhandshake(nil, "localhost", verify)
          results[i] = { reused, ok, word }
          if ok and i == 1 then assert(sock:receive()) end
          if ok then assert(sock:setkeepalive(1000)) end
        end
        return results
      end, function()
        local s = assert(l:accept())
        s:write "ready\n"
        s:read(1)
        s:close()
      end)
      local first, second, third = r[1][1], r[1][2], r[1][3]
      assert.same({ 0, true }, first)
      assert.same({ 1, true }, second)
      assert.same({ 2, nil }, { third[1], third[2] })
      assert.matches("verified for nobody", third[3])
      l:close()
    end)
  end)

  it("does not reuse a connection that the server has ended, or that is too old", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    local port = urlsock.parse(l:localname()).port
    local sock = cosocket.connect("127.0.0.1", port)
    local s = assert(l:accept())
    assert.equal(1, sock:setkeepalive(10000))
    s:close()
    assert.equal(1, sock:connect("127.0.0.1", port))
    assert.equal(0, sock:getreusedtimes())
    assert.equal(1, sock:setkeepalive(1))
    urlsock.select({}, {}, 0.01)
    assert.equal(1, sock:connect("127.0.0.1", port))
    assert.equal(0, sock:getreusedtimes())
    sock:close()
    l:close()
  end)

  it("keeps no more connections than the pool is large", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    local port = urlsock.parse(l:localname()).port
    local a, b = cosocket.connect("127.0.0.1", port), cosocket.connect("127.0.0.1", port)
    local first, second = assert(l:accept()), assert(l:accept())
    assert.equal(1, a:setkeepalive(0, 1))
    assert.equal(1, b:setkeepalive(0, 1))
    local _, _, code = first:read()
    assert.equal("eof", code)
    second:settimeout(0)
    _, _, code = second:read()
    assert.equal("timeout", code)
    assert.equal(1, a:connect("127.0.0.1", port))
    assert.equal(1, a:getreusedtimes())
    a:close()
    l:close()
  end)

  it("sets options", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0", { timeout = 10 }))
    local sock = cosocket.connect("127.0.0.1", urlsock.parse(l:localname()).port)
    assert.is_true(sock:setoption("keepalive", true))
    assert.is_true(sock.socket:getoption "keepalive")
    assert.is_true(sock:setoption("tcp-nodelay", 1))
    assert.is_true(sock:setoption("sndbuf", 65536))
    assert.is_nil((sock:setoption("nonsense", 1)))
    sock:close()
    l:close()
  end)
end)
