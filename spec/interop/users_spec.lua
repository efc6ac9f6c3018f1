-- Clients that others wrote for LuaSocket and for ngx.socket, against real servers.
local cosocket = require "urlsock.cosocket"
local facade = require "urlsock.luasocket"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local CLIENTS = "build/nginxclients" -- their packages want nginx, and so are only unpacked

--- The modules for ngx.socket in the path, once: from Debian, where that can be had.
local function fetched()
  local path = CLIENTS .. "/usr/share/lua/5.1/"
  if not io.open(path .. "nginx/redis.lua") then
    support.shell(([[
      mkdir -p %s/deb && cd %s/deb && timeout 60 apt-get -qq -o APT::Sandbox::User=root download \
        lua-nginx-redis lua-nginx-memcached 2>&1 && for f in *.deb; do dpkg -x $f ..; done
      rm -rf ../deb]]):format(CLIENTS, CLIENTS))
  end
  local file = io.open(path .. "nginx/redis.lua")
  if not file then return nil end
  file:close()
  return path .. "?.lua"
end

--- Starts a server and waits until it listens: its port, and what ends it.
local function started(command)
  local port = support.free_port()
  local stop = support.spawn(command:format(port))
  local s = support.connect("tcp://127.0.0.1:" .. port)
  if s then s:close() end
  return port, stop
end

local REDIS = "exec redis-server --bind 127.0.0.1 --port %d --save '' --dir /tmp"
local MEMCACHED = "exec memcached -l 127.0.0.1 -U 0 -u nobody -p %d"

describe("a client for ngx.socket", function()
  local path, before, null
  local stops = {}

  setup(function()
    path, before, null = package.path, rawget(_G, "ngx"), setmetatable({}, { __name = "null" })
    local more = fetched()
    if not more then return end
    package.path = more .. ";" .. path
    rawset(_G, "ngx", {
      socket = { tcp = cosocket.tcp, connect = cosocket.connect }, null = null,
      escape_uri = function(s)
        return (s:gsub("[^%w%-_.~]", function(c) return ("%%%02X"):format(c:byte()) end))
      end,
      unescape_uri = function(s)
        return (s:gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end))
      end,
    })
  end)

  teardown(function()
    package.path = path
    rawset(_G, "ngx", before)
    package.loaded["nginx.redis"], package.loaded["nginx.memcached"] = nil, nil
    for _, stop in ipairs(stops) do stop() end
  end)

  --- The module and the port of its server; or nil, and the test is pending.
  local function ready(name, program, command)
    local found, module = pcall(require, name)
    if not found then return pending(name .. " cannot be had") end
    if not support.has(program) then return pending(program .. " is not installed") end
    local port
    port, stops[#stops + 1] = started(command)
    return module, port
  end

  it("of Redis", function()
    local redis, port = ready("nginx.redis", "redis-server", REDIS)
    if not redis then return end
    local function connected()
      local r = assert(redis:new())
      r:set_timeout(5000)
      assert.equal(1, (r:connect("127.0.0.1", port)))
      return r
    end
    local r, big = connected(), ("0123456789"):rep(20000)
    assert.equal("OK", r:set("big", big))
    assert.equal(big, r:get "big")
    assert.equal(null, r:get "nothing")
    assert.same({ 1, 1 }, { r:hset("h", "a", 1), r:hset("h", "b", 2) })
    assert.same({ "a", "1", "b", "2" }, r:hgetall "h")
    local ok, word = r:incr "big"
    assert.is_false(ok)
    assert.matches("not an integer", word)
    r:init_pipeline()
    for i = 1, 50 do r:set("k" .. i, i) end
    r:mget("k1", "k50")
    local answers = r:commit_pipeline()
    assert.equal(51, #answers)
    assert.same({ "1", "50" }, answers[51])
    assert.same({ 1 }, { r:set_keepalive(10000, 5) })
    r = connected()
    assert.equal(1, r:get_reused_times())
    local other = connected()
    assert.same({ "subscribe", "news", 1 }, other:subscribe "news")
    assert.equal(1, r:publish("news", "hello"))
    assert.same({ "message", "news", "hello" }, other:read_reply())
    other:set_timeout(20)
    assert.same({ nil, "timeout" }, { other:read_reply() })
    assert.equal(1, other:close())
    assert.equal(1, r:close())
    assert.same({ nil, "closed" }, { r:get "big" })
  end)

  it("of memcached", function()
    local memcached, port = ready("nginx.memcached", "memcached", MEMCACHED)
    if not memcached then return end
    local m = assert(memcached:new())
    m:set_timeout(5000)
    assert.equal(1, (m:connect("127.0.0.1", port)))
    local big = ("x y\r\n"):rep(20000)
    assert.equal(1, m:set("a key", big, 0, 7))
    assert.same({ big, "7" }, { m:get "a key" })
    assert.is_nil((m:get "nothing"))
    local value, _, cas = m:gets "a key"
    assert.equal(big, value)
    assert.equal(1, m:cas("a key", "1", cas))
    assert.equal("3", m:incr("a key", 2))
    assert.same({ nil, "NOT_STORED" }, { m:add("a key", "2") })
    assert.equal(1, m:delete "a key")
    assert.matches("^%d+%.", m:version())
    assert.equal(1, m:set_keepalive(10000, 5))
    assert.equal(1, (m:connect("127.0.0.1", port)))
    assert.equal(1, m:get_reused_times())
    assert.equal(1, m:close())
  end)
end)

describe("a client for LuaSocket", function()
  it("of Redis, two at once", function()
    local found, redis = pcall(require, "redis")
    if not found then return pending "redis-lua is not installed for this Lua" end
    if not support.has "redis-server" then return pending "redis-server is not installed" end
    local port, stop = started(REDIS)
    finally(stop)
    local function talk(name)
      return function()
        local s = assert(facade.connect("127.0.0.1", port))
        local client = redis.connect { socket = s }
        local big = name:rep(50000)
        assert(client:ping())
        client:set(name, big)
        assert(client:get(name) == big)
        for i = 1, 20 do client:rpush("list" .. name, i) end
        local items = client:lrange("list" .. name, 0, -1)
        client:quit()
        return #items
      end
    end
    local a, b = support.together(talk "one", talk "two")
    assert.same({ 20, 20 }, { a[1], b[1] })
    urlsock.use "plain"
    assert.equal(20, talk "three" ())
  end)
end)
