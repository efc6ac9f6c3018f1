-- Inside a real nginx with its Lua module: no request delays another on the same worker.
local kit = require "spec.interop.kit"
local support = require "spec.support.init"
local urlsock = require "urlsock"

-- nginx brings its own LuaJIT: once is enough.
local is_luajit = rawget(_G, "jit") ~= nil

local locations = [[
location /ping { content_by_lua_block { ngx.say "pong" } }
location /wait { content_by_lua_block {
  local urlsock = require "urlsock"
  local s = assert(urlsock.connect("tcp://127.0.0.1:" .. ngx.var.arg_port))
  s:settimeout(tonumber(ngx.var.arg_seconds))
  local line, message, code = s:read()
  ngx.say(line or code)
} }
location /script { content_by_lua_block {
  local urlsock = require "urlsock"
  local s = assert(urlsock.connect("tcp://localhost:" .. ngx.var.arg_port, { family = "inet" }))
  assert(s:read() == "220 ready")
  assert(s:write "STARTTLS\r\n")
  assert(s:read() == "220 go")
  assert(s:starttls { ca = CA })
  local data = ("0123456789"):rep(30000)
  assert(s:write(data))
  ngx.say(s:read(#data) == data, " ", s:info().version)
  s:close()
} }
location /log {
  content_by_lua_block { ngx.say "logged" }
  log_by_lua_block {
    local urlsock = require "urlsock"
    local a, b = urlsock.pair()
    local ok, message = pcall(a.read, a)
    local f = io.open(LOG, "w")
    f:write(tostring(ok), " ", message)
    f:close()
  }
}
location /cosocket { content_by_lua_block {
  local nginx = require "urlsock.nginx"
  local s = assert(nginx.connect("tcp://127.0.0.1:" .. ngx.var.arg_port))
  assert(s:read() == "220 ready")
  assert(s:write("START", "TLS\r\n"))
  assert(s:read() == "220 go")
  local ok, message, code = s:starttls { servername = ngx.var.arg_name }
  if not ok then
    ngx.say(code, " ", (select(3, s:write "x")))
    return
  end
  local data = ("0123456789"):rep(30000)
  assert(s:write(data))
  ngx.say(s:read(#data) == data, " ", s:info().tls)
  s:close()
} }
location /raw { content_by_lua_block {
  local nginx = require "urlsock.nginx"
  local s = assert(nginx.connect("tcp://127.0.0.1:" .. ngx.var.arg_port, { timeout = 1 }))
  local function say(...) ngx.print(table.concat({ ... }, " "), ";") end
  say(s:read(), s:read "L":byte(-1), s:peek(2), s:read(3), s:readuntil "--", s:read(-2))
  s:settimeout(0.05)
  say(select(3, s:read()))
  assert(s:write("go\n"))
  s:settimeout(2)
  say((s:read()), select(3, s:read(10)), s:read "a")
  say(select(3, s:read()))
  say(select(3, s:starttls { ca = "x" }), select(3, s:read()))
  say(select(3, nginx.connect("udp://127.0.0.1:9")), select(3, nginx.connect("tcp://a:1",
    { nodelay = true })), select(3, nginx.connect("tcp://127.0.0.1:1")))
} }
location /injected { content_by_lua_block {
  local nginx = require "urlsock.nginx"
  local s = assert(nginx.connect("tcp://127.0.0.1:" .. ngx.var.arg_port))
  assert(s:read())
  ngx.say(select(3, s:starttls { servername = "localhost" }))
} }
]]

describe("in nginx", function()
  if not is_luajit then
    return it("runs", function() pending "only under LuaJIT, as nginx is" end)
  end
  local port, url, stop, why

  setup(function()
    kit.open()
    local here = support.shell "pwd"
    local f = assert(io.open(kit.dir .. "/locations", "w"))
    f:write((locations:gsub("CA", ("%q"):format(kit.ca))
      :gsub("LOG", ("%q"):format(kit.dir .. "/phase"))))
    f:close()
    local ports
    ports, why = kit.start("nginxlua", ("NGINXLUA_LOCATIONS=%s/locations LUA_PATH='%s/lua/?.lua' "
      .. "LUA_CPATH='%s/build/5.1/?.so'"):format(kit.dir, here, here))
    port = ports and ports.NGINXLUA_HTTP
    url, stop = support.serve(("%s spec/support/server.lua 0.01"):format(os.getenv "LUA"))
  end)

  teardown(function()
    kit.stop "nginxlua"
    kit.close()
    stop()
  end)

  --- An open request, and what it answers.
  local function ask(path)
    local s = assert(support.connect("tcp://127.0.0.1:" .. port))
    s:write("GET ", path, " HTTP/1.0\r\n\r\n")
    return s
  end
  local function answer(s)
    local all = assert(s:read "a")
    s:close()
    return (all:match("\r\n\r\n(.*)$"):gsub("\n$", ""))
  end
  local function server_port() return urlsock.parse(url).port end
  local function needs()
    if not port then pending(why) end
    return port
  end

  it("another request is answered while one waits", function()
    if not needs() then return end
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local slow = ask(("/wait?port=%d&seconds=2"):format(urlsock.parse(l:localname()).port))
    local peer = assert(l:accept(5))
    for _ = 1, 20 do
      local start = urlsock.now()
      assert.equal("pong", answer(ask "/ping"))
      assert.is_true(urlsock.now() - start < 0.1)
    end
    assert(peer:write "at last\n")
    assert.equal("at last", answer(slow))
    slow = ask(("/wait?port=%d&seconds=0.3"):format(urlsock.parse(l:localname()).port))
    local start = urlsock.now()
    local silent = assert(l:accept(5))
    assert.equal("timeout", answer(slow))
    local took = urlsock.now() - start
    assert.is_true(took > 0.25 and took < 0.4, took)
    silent:close()
    peer:close()
    l:close()
  end)

  it("a script with STARTTLS runs, five at once", function()
    if not needs() then return end
    local asked = {}
    for i = 1, 5 do asked[i] = ask("/script?port=" .. server_port()) end
    for i = 1, 5 do assert.equal("true TLSv1.3", answer(asked[i])) end
  end)

  it("a phase that cannot wait says so", function()
    if not needs() then return end
    assert.equal("logged", answer(ask "/log"))
    local deadline, text = urlsock.now() + 5, ""
    repeat
      urlsock.select({}, {}, 0.01)
      local f = io.open(kit.dir .. "/phase")
      if f then
        text = f:read "*a"
        f:close()
      end
    until text ~= "" or urlsock.now() > deadline
    assert.matches("^false urlsock: a call cannot wait in the phase 'log'", text)
  end)

  it("cosockets upgrade, verify, and refuse another name", function()
    if not needs() then return end
    local path = ("/cosocket?port=%d&name="):format(server_port())
    assert.equal("true true", answer(ask(path .. "localhost")))
    assert.equal("verify verify", answer(ask(path .. "other.test")))
  end)

  it("cosockets read and refuse as streams do", function()
    if not needs() then return end
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local asked = ask("/raw?port=" .. urlsock.parse(l:localname()).port)
    local peer = assert(l:accept(5))
    assert(peer:write("one\r\ntwo\nabcdef--gh"))
    assert.equal("go", peer:read())
    assert(peer:write "\nrest")
    peer:close()
    assert.equal("one 10 ab abc def gh;timeout; truncated rest;eof;unsupported unsupported;"
      .. "unsupported unsupported refused;", answer(asked))
    asked = ask("/injected?port=" .. urlsock.parse(l:localname()).port)
    peer = assert(l:accept(5))
    assert(peer:write "220 go\r\n250 injected\r\n")
    assert.equal("injected", answer(asked))
    peer:close()
    l:close()
  end)
end)
