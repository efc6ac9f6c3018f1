-- One script in every host: it never stalls the others.
local hosts = require "spec.support.hosts"
local support = require "spec.support.init"
local urlsock = require "urlsock"

local unpack = table.unpack or unpack
local DELAY, PATIENCE = 0.3, 0.3

--- Connects by name, upgrades, sends and receives 300 kB, and waits in vain.
local function script(url)
  local s = assert(urlsock.connect((url:gsub("127.0.0.1", "localhost")), { family = "inet" }))
  assert(s:read() == "220 ready")
  assert(s:write "STARTTLS\r\n")
  assert(s:read() == "220 go")
  assert(s:starttls(support.client))
  local data = ("0123456789"):rep(30000)
  assert(s:write(data))
  assert(assert(s:read(#data)) == data)
  s:settimeout(PATIENCE)
  local start = urlsock.now()
  local line, _, code = s:read()
  local late = urlsock.now() - start - PATIENCE
  s:close()
  return line == nil and code == "timeout" and late > -0.001 and late < 0.08 or late
end

for name, run in pairs(hosts) do
  describe("under " .. name, function()
    local found, module = pcall(require, name)
    if not found then
      return it("runs", function() pending(name .. " is not installed for this Lua") end)
    end
    local url, stop
    setup(function()
      url, stop = support.serve(("%s spec/support/server.lua %s"):format(os.getenv "LUA", DELAY))
    end)
    teardown(function() stop() end)
    after_each(function() urlsock.use(nil) end)

    it("serves five clients in the time of one", function()
      local results, tasks = {}, {}
      for i = 1, 5 do tasks[i] = function() results[i] = script(url) end end
      local start = urlsock.now()
      run(module, unpack(tasks))
      assert.same({ true, true, true, true, true }, results)
      assert.is_true(urlsock.now() - start < 2 * (DELAY + PATIENCE), urlsock.now() - start)
    end)

    it("wakes whoever waits for a socket that another closes", function()
      local a, b = assert(urlsock.pair())
      local code
      local start = urlsock.now()
      run(module, function()
        code = select(3, a:read())
      end, function()
        assert(b:write "")
        return a:close()
      end)
      assert.equal("closed", code)
      assert.is_true(urlsock.now() - start < 0.5)
      b:close()
    end)

    it("wakes both, where one reads and one writes", function()
      local a, b = assert(urlsock.pair())
      local reads, writes
      run(module, function()
        reads = select(3, a:read())
      end, function()
        writes = select(3, a:write(("x"):rep(5000000)))
      end, function()
        a:close()
      end)
      assert.same({ "closed", "closed" }, { reads, writes })
      b:close()
    end)

    it("wakes a reader and a writer that wait for the same handshake", function()
      local tls = { cert = support.cert "server.pem", key = support.cert "server.key" }
      local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls, timeout = 2 }))
      local c = assert(urlsock.connect((l:localname():gsub("tls:", "tcp:"))))
      local s = assert(l:accept())
      local line, answer
      local start = urlsock.now()
      run(module, function()
        line = s:read()
      end, function()
        assert(s:write "answer\n")
      end, function()
        assert(c:starttls(support.client))
        assert(c:write "line\n")
        answer = c:read()
      end)
      assert.same({ "line", "answer" }, { line, answer })
      assert.is_true(urlsock.now() - start < 1)
      for _, socket in ipairs { s, c, l } do socket:close() end
    end)

    it("wakes both where that handshake fails, whoever was the first", function()
      local tls = { cert = support.cert "server.pem", key = support.cert "server.key" }
      local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls, timeout = 2 }))
      for _, first in ipairs { "read", "write" } do
        local c = assert(urlsock.connect((l:localname():gsub("tls:", "tcp:"))))
        local s = assert(l:accept())
        local codes = {}
        local function reads() codes[1] = select(3, s:read()) end
        local function writes() codes[2] = select(3, s:write "x") end
        local start = urlsock.now()
        run(module, first == "read" and reads or writes, first == "read" and writes or reads,
          function() assert(c:write(("no hello\r\n"):rep(2))) end)
        assert.same({ "plaintext", "plaintext" }, codes)
        assert.is_true(urlsock.now() - start < 1)
        c:close()
      end
      l:close()
    end)

    it("waits under a timeout of any length", function()
      for _, seconds in ipairs { 1e7, 1e15, 1e300 } do
        local a, b = assert(urlsock.pair())
        local line
        a:settimeout(seconds)
        run(module, function() line = a:read() end, function() assert(b:write "x\n") end)
        assert.equal("x", line)
        a:close()
        b:close()
      end
    end)

    it("wakes them when it is detached, or a to-be-closed variable goes out of scope", function()
      for _, part in ipairs { function(s) s:detach() end, getmetatable(urlsock.pair()).__close } do
        local a, b = assert(urlsock.pair())
        local start, code = urlsock.now(), nil
        run(module, function() code = select(3, a:read()) end, function()
          assert(b:write "")
          part(a)
        end)
        assert.equal("closed", code)
        assert.is_true(urlsock.now() - start < 0.5)
        b:close()
      end
    end)

    it("reads and writes at the same time, and lets one at a time do either", function()
      local a, b = assert(urlsock.pair())
      local big, got, line, busy, started = ("x"):rep(1000000), nil, nil, nil, false
      run(module, function()
        started = true
        line = a:read()
      end, function()
        assert(a:write(big))
      end, function()
        while not started do urlsock.select({ b }, {}, 0.01) end
        busy = select(3, a:read())
        got = b:read(#big)
        assert(b:write "done\n")
      end)
      assert.equal("busy", busy)
      assert.equal(#big, #got)
      assert.equal("done", line)
      a:close()
      b:close()
    end)

    it("is told of every descriptor before its number is used again", function()
      for _ = 1, 20 do
        local answers = {}
        run(module, function()
          local a, b = assert(urlsock.pair())
          a:settimeout(0.01)
          answers[1] = select(3, a:read())
          a:close()
          b:close()
          -- the same numbers, garbage collected in between
          do
            local c, d = assert(urlsock.pair())
            c:settimeout(0.005)
            answers[2] = c:read() or d:pending()
          end
          collectgarbage()
          collectgarbage()
          local c, d = assert(urlsock.pair())
          c:settimeout(2)
          assert(d:write "now\n")
          answers[3] = c:read()
          c:close()
          d:close()
        end)
        assert.same({ "timeout", 0, "now" }, answers)
      end
    end)

    it("gives way in select", function()
      local a, b = assert(urlsock.pair())
      local order = {}
      run(module, function()
        local r = urlsock.select({ a }, {}, 2)
        order[#order + 1] = r[1] == a and "ready"
        r = urlsock.select({ a }, {}, 0.05)
        order[#order + 1] = #r == 1 and "still"
      end, function()
        order[#order + 1] = "other"
        assert(b:write "x")
      end)
      assert.same({ "other", "ready", "still" }, order)
      a:close()
      b:close()
    end)
  end)
end

describe("select", function()
  local core = require "urlsock.core"
  local select_once = core.select
  after_each(function() core.select = select_once end)

  it("waits as long as it was told, also where a signal cuts poll(2) short", function()
    local calls, start = 0, urlsock.now()
    core.select = function(readers, writers, seconds, bare)
      calls = calls + 1
      return select_once(readers, writers, calls < 3 and 0 or seconds, bare)
    end
    local a, b = assert(urlsock.pair())
    assert.same({}, (urlsock.select({ a }, nil, 0.05)))
    assert.is_true(calls >= 3 and urlsock.now() - start >= 0.05)
    assert.same({ a }, select(2, urlsock.select({ a }, { a })))
    a:close()
    b:close()
  end)
end)

describe("cqueues", function()
  local found, cqueues = pcall(require, "cqueues")
  if not found then
    return it("is told", function() pending "cqueues is not installed for this Lua" end)
  end

  it("is told of a descriptor whose number a controller that is gone waited for", function()
    local function collected(f)
      f()
      for _ = 1, 3 do collectgarbage() end
    end
    collected(function()
      local gone = cqueues.new() -- before the pair, as the next controller is
      local a = assert(urlsock.pair())
      gone:wrap(function() a:read() end)
      assert(gone:step(0))
    end)
    local lines = {}
    local function attempt(i)
      collected(function()
        local a = assert(urlsock.pair())
        a:settimeout(0.01)
        a:read()
      end)
      local a, b = assert(urlsock.pair())
      a:settimeout(0.5)
      cqueues.running():wrap(function()
        cqueues.sleep(0.02)
        b:write "now\n"
      end)
      lines[i] = a:read() or "nothing"
      a:close()
      b:close()
    end
    local controller = cqueues.new()
    controller:wrap(function() for i = 1, 3 do attempt(i) end end)
    assert(controller:loop())
    assert.same({ "now", "now", "now" }, lines)
  end)

  it("is told of a socket that is closed outside of it", function()
    local a, b = assert(urlsock.pair())
    local code, line
    local controller = cqueues.new()
    controller:wrap(function() code = select(3, a:read()) end)
    assert(controller:step(0))
    a:close()
    assert(controller:loop(1))
    assert.equal("closed", code)
    local c, d = assert(urlsock.pair()) -- the same number
    controller:wrap(function() line = c:read() end)
    controller:wrap(function() assert(d:write "now\n") end)
    assert(controller:loop(1))
    assert.equal("now", line)
    for _, socket in ipairs { b, c, d } do socket:close() end
  end)
end)

describe("nginx", function()
  local before = rawget(_G, "ngx")
  local module = "urlsock.host.nginx"
  local loaded = package.loaded[module]
  after_each(function() rawset(_G, "ngx", before) package.loaded[module] = loaded end)

  it("lends as many threads as a pool has, and the others sleep", function()
    rawset(_G, "ngx", {
      get_phase = function() return "content" end,
      run_worker_thread = function() return coroutine.yield "thread" end,
      sleep = function() return coroutine.yield "sleep" end,
    })
    package.loaded[module] = nil
    local nginx = require(module)
    local a, b = assert(urlsock.pair())
    local threads, how = {}, { thread = 0, sleep = 0 }
    for i = 1, 40 do
      threads[i] = coroutine.create(function() nginx.wait(a, "r", 5) end)
      local way = select(2, coroutine.resume(threads[i]))
      how[way] = how[way] + 1
    end
    assert.same({ thread = 32, sleep = 8 }, how)
    assert(coroutine.resume(threads[1], true)) -- its thread is free again
    assert.equal("dead", coroutine.status(threads[1]))
    local another = coroutine.create(function() nginx.wait(a, "r", 5) end)
    assert.equal("thread", select(2, coroutine.resume(another)))
    a:close()
    b:close()
  end)
end)

describe("a hook", function()
  after_each(function() urlsock.use(nil) end)

  it("may raise, and the socket is free again", function()
    local a, b = assert(urlsock.pair())
    urlsock.use { wait = function() error("stop", 0) end }
    local ok, message = pcall(a.read, a)
    assert.is_false(ok)
    assert.equal("stop", message)
    urlsock.use "plain"
    assert(b:write "line\n")
    assert.equal("line", a:read())
  end)

  it("may raise where others go on, and the socket is free for them", function()
    local a, b = assert(urlsock.pair())
    local function attempt() return (pcall(a.read, a)) end
    local thread = coroutine.create(function() coroutine.yield(attempt()) end)
    urlsock.use { wait = function() error("stop", 0) end }
    assert.is_false(attempt())
    if _VERSION ~= "Lua 5.1" or rawget(_G, "jit") then
      assert.is_false(select(2, coroutine.resume(thread)))
    end
    urlsock.use "plain"
    assert(b:write "1\n2\n")
    assert.equal("1", coroutine.wrap(function() return a:read() end)())
    assert.equal("2", a:read())
  end)

  it("may raise in a write, and the next write is sent whole", function()
    local a, b = assert(urlsock.pair())
    urlsock.use { wait = function() error("stop", 0) end }
    assert.is_false((pcall(a.write, a, ("x"):rep(1000000))))
    urlsock.use "plain"
    b:settimeout(0)
    repeat local data = b:read(-65536) until not data
    assert(a:write "line\n")
    assert.equal("line", b:read())
  end)

  it("may close in a write, which tells how much was taken", function()
    local a, b = assert(urlsock.pair())
    urlsock.use { wait = function() a:close() end }
    local ok, _, code, count = a:write(("x"):rep(1000000))
    urlsock.use "plain"
    assert.is_nil(ok)
    assert.equal("closed", code)
    assert.equal(#b:read "a", count)
  end)

  it("may never come back, and the socket is free once its coroutine is gone", function()
    local a, b = assert(urlsock.pair())
    urlsock.use { wait = function() coroutine.yield() end }
    local thread = coroutine.create(function() return a:read() end)
    assert(coroutine.resume(thread))
    assert.equal("busy", select(3, a:read()))
    thread = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert(b:write "line\n")
    assert.equal("line", a:read())
  end)

  it("is told of a socket that is waited for, also when another has taken its place", function()
    local a, b = assert(urlsock.pair())
    local threads = {}
    urlsock.use {
      wait = function(socket) threads[socket] = coroutine.yield() end,
      closing = function(socket) threads[socket] = "told" end,
    }
    coroutine.wrap(function() a:read() end)()
    urlsock.use(nil)
    a:close()
    b:close()
    assert.equal("told", threads[a])
    assert.is_nil(threads[b])
  end)

  it("is told before a socket is closed", function()
    local told = {}
    urlsock.use { closing = function(socket) told[#told + 1] = socket:fd() end }
    local a, b = assert(urlsock.pair())
    local fds = { a:fd(), b:fd() }
    a:close()
    b:close()
    assert.same(fds, told)
    assert.has_error(function() urlsock.use "nosuch" end)
  end)

  it("is refused where it is none, and so is what nobody would ask for", function()
    for message, arguments in pairs {
      ["option 'wait' to 'use': function expected"] = { { wait = 5 } },
      ["unknown option 'waits' to 'use'"] = { { waits = print } },
      ["unknown option 'pool' to 'use'"] = { "plain", { pool = false } },
      ["bad argument #2 to 'use' %(table expected%)"] = { "plain", 5 },
      ["bad argument #1 to 'use' %(unknown host%)"] = { true },
    } do
      local ok, problem = pcall(function() urlsock.use(arguments[1], arguments[2]) end)
      assert.is_false(ok)
      assert.matches("host_spec.lua:%d+: " .. message, problem)
    end
  end)

  it("finds what event loops ask for", function()
    local a, b = assert(urlsock.pair())
    assert.equal(a:fd(), a:pollfd())
    assert.equal(a:fd(), a:getfd())
    assert.equal("r", a:events())
    assert.is_nil(a:timeout())
    assert.is_false(a:dirty())
    assert(b:write "xy")
    a:read(1)
    assert.is_true(a:dirty())
    assert.equal(0, a:timeout())
    a:settimeout(0)
    assert.equal("timeout", select(3, a:read()))
    assert.is_nil(a:timeout())
    a:settimeout(0)
    a:write(("x"):rep(10000000))
    assert.equal("w", a:events())
    a:close()
    assert.equal(-1, a:getfd())
    assert.equal(0, a:timeout())
  end)
end)
