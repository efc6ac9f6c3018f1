local support = require "spec.support.init"
local urlsock = require "urlsock"

describe("a stream", function()
  local a, b
  before_each(function() a, b = assert(urlsock.pair()) end)
  after_each(function()
    a:close()
    b:close()
  end)

  it("reads lines without and with their ends", function()
    assert(a:write("one\ntwo\r\nth\rree\r\n", "four\n"))
    assert.equal("one", b:read())
    assert.equal("two", b:read "l")
    assert.equal("th\rree\r\n", b:read "L")
    assert.equal("four", b:read "*l")
  end)

  it("reads counts, what is there, and all", function()
    assert(a:write("0123456789"))
    assert.equal("012", b:read(3))
    assert.equal("", b:read(0))
    assert.equal("34", b:read(-2))
    assert.equal("56789", b:read(-100))
    assert(a:write("rest"))
    a:close()
    assert.equal("rest", b:read "a")
    assert.equal("", b:read "a")
  end)

  it("reads up to a delimiter of any length", function()
    assert(a:write("ab--", "b", "--boundary", "tail"))
    assert.equal("ab--b", b:readuntil "--boundary")
    assert.equal("ta", b:readuntil "il")
  end)

  it("shows what is buffered and takes nothing away", function()
    assert(a:write("hello\n"))
    assert.equal("hel", b:peek(3))
    assert.equal("hello\n", b:peek())
    assert.equal(6, b:pending())
    assert.equal("hello", b:read())
  end)

  it("ends with eof, again and again", function()
    a:close()
    for _ = 1, 2 do
      local line, message, code = b:read()
      assert.is_nil(line)
      assert.equal("eof", code)
      assert.matches("ended", message)
    end
  end)

  it("never passes half an item off as one", function()
    assert(a:write("half"))
    a:close()
    for _, format in ipairs { "l", "L", 10 } do
      local item, _, code = b:read(format)
      assert.is_nil(item)
      assert.equal("truncated", code)
    end
    assert.equal("truncated", select(3, b:readuntil "x"))
    assert.equal("half", b:read(-10))
    assert.equal("eof", select(3, b:read()))
  end)

  it("loses nothing by a time-out", function()
    assert(a:write("ha"))
    b:settimeout(0)
    assert.equal("timeout", select(3, b:read()))
    assert.equal("r", b:want())
    assert(a:write("lf\n"))
    assert.equal("half", b:read())
    assert.is_nil(b:want())
  end)

  it("is bound to a name of its own, whose file goes with it", function()
    local path = os.tmpname()
    os.remove(path)
    local own = path .. ".c"
    local bound = { bind = "unix://" .. own }
    assert.equal("unreachable", select(3, urlsock.connect("unix://" .. path, bound)))
    assert.is_nil((io.open(own)))
    local l = assert(urlsock.listen("unix://" .. path))
    local c = assert(urlsock.connect("unix://" .. path, bound))
    local s, from = l:accept()
    assert.equal("unix://" .. own, from)
    assert.equal("unix://" .. own, c:localname())
    assert.equal("inuse", select(3, urlsock.connect("unix://" .. path, bound)))
    assert.equal("0", support.shell("test -S " .. own .. "; echo $?"))
    c:close()
    assert.equal("1", support.shell("test -S " .. own .. "; echo $?"))
    s:close()
    l:close()
  end)

  it("bounds what an item gathers, and loses nothing", function()
    local path = os.tmpname()
    os.remove(path)
    local l = assert(urlsock.listen("unix://" .. path, { limit = 8 }))
    local client = assert(urlsock.connect(l:localname()))
    local server = assert(l:accept())
    assert(client:write("12345678\r\n", "123456789\n"))
    assert.equal("12345678", server:read())
    local line, _, code = server:read()
    assert.is_nil(line)
    assert.equal("limit", code)
    assert.equal("123456789\n", server:read(-100))
    client:close()
    server:close()
    l:close()
  end)

  it("writes strings and numbers, and refuses all else", function()
    assert.equal(a, a:write("x", 1, "y", 2.5, "\n"))
    assert.equal("x1y2.5", b:read())
    assert.has_error(function() a:write(nil) end)
    assert.has_error(function() a:write("x", {}) end)
    assert.has_error(function() a:read "z" end)
    assert.has_error(function() a:read(1.5) end)
  end)

  it("tells at once what exceeds the limit, and waits for what may not", function()
    b:settimeout(0)
    for _, case in ipairs {
      { "12345", "timeout" }, { "12345\r", "timeout" }, { "123456", "limit" },
      { "12345\rx", "limit" }, { "12345", "timeout", "ABA" }, { "12345A", "timeout", "ABA" },
      { "1234AB", "timeout", "ABA" }, { "12345AB", "timeout", "ABA" },
      { "123456", "limit", "ABA" }, { "12345B", "limit", "ABA" },
      { "1234ABB", "limit", "ABA" }, { "123456A", "limit", "ABA" },
    } do
      a:write(case[1])
      assert.equal(case[2], select(3, b:readuntil(case[3] or "\r\n", 5)), case[1])
      assert.equal(case[1], b:read(-100))
    end
    local l = assert(urlsock.listen("unix://@urlsock-spec", { limit = 5, timeout = 0 }))
    local c = assert(urlsock.connect(l:localname()))
    local s = assert(l:accept())
    for _, case in ipairs {
      { "12345", "timeout" }, { "12345\r", "timeout" }, { "123456", "limit" },
      { "12345\rx", "limit" },
    } do
      c:write(case[1])
      assert.equal(case[2], select(3, s:read()), case[1])
      assert.equal(case[1], s:read(-100))
    end
    c:close()
    s:close()
    l:close()
  end)

  it("names the method, the argument and the caller's line of a mistake", function()
    for mistake, message in pairs {
      [function() a:read "z" end] = "#1 to 'read' %(invalid format%)",
      [function() a:read "l\0" end] = "#1 to 'read' %(invalid format%)",
      [function() a:read "" end] = "#1 to 'read' %(invalid format%)",
      [function() a:read(1.5) end] = "#1 to 'read' %(whole number expected%)",
      [function() a:read {} end] = "#1 to 'read' %(string expected, got table%)",
      [function() a:readuntil "" end] = "#1 to 'readuntil' %(the delimiter is empty%)",
      [function() a:readuntil("x", -1) end] = "#2 to 'readuntil' %(whole number expected",
      [function() a:peek {} end] = "#1 to 'peek' %(number expected, got table%)",
      [function() a:write("x", nil) end] = "#2 to 'write' %(string expected, got nil%)",
      [function() a:shutdown "x" end] = "#1 to 'shutdown' %(invalid option 'x'%)",
      [function() a:close(-1) end] = "#1 to 'close' %(seconds expected, finite and not negative%)",
      [function() a:sendfd(-1) end] = "#1 to 'sendfd' %(descriptor or open socket expected",
      [function() urlsock.adopt "0" end] = "#1 to 'adopt' %(descriptor expected, got string%)",
      [function() urlsock.adopt(-1) end] = "#1 to 'adopt' %(descriptor expected, got %-1",
    } do
      local ok, problem = pcall(mistake)
      assert.is_false(ok)
      assert.matches("stream_spec.lua:%d+: bad argument " .. message, problem)
    end
    local ok, problem = pcall(function() a.read(io.stdout) end)
    assert.is_false(ok)
    assert.matches("stream_spec.lua:%d+: calling a method on bad self %(urlsock.stream ", problem)
    -- and nothing was sent
    b:settimeout(0)
    assert.equal("timeout", select(3, b:read()))
  end)

  it("writes more than the kernel holds to a peer that reads", function()
    local big = ("0123456789abcdef"):rep(200000)
    local _, got = support.together(function()
      assert(a:write(big, "end"))
      return a:shutdown()
    end, function() return b:read "a" end)
    assert.equal(#big + 3, #got[1])
    assert.is_true(got[1] == big .. "end")
  end)

  it("says how much of a failed write was taken", function()
    a:settimeout(0)
    local big = ("x"):rep(4000000)
    local ok, _, code, count = a:write(big)
    assert.is_nil(ok)
    assert.equal("timeout", code)
    assert.is_true(count > 0 and count < #big)
    local got = 0
    while got < count do got = got + #b:read(-65536) end
    assert.equal(count, got)
  end)

  it("gathers what is written until it is flushed", function()
    assert(a:setvbuf("full", 1000))
    a:write("one\n", "two\n")
    b:settimeout(0)
    assert.equal("timeout", select(3, b:read()))
    assert(a:flush())
    assert.equal("one", b:read())
    a:setvbuf "line"
    a:write "three"
    assert.equal("two", b:read())
    assert.equal("timeout", select(3, b:read()))
    a:write "\n"
    assert.equal("three", b:read())
  end)

  it("closes one direction and reads on", function()
    assert(a:shutdown())
    assert.equal("eof", select(3, b:read()))
    assert(b:write("late\n"))
    assert.equal("late", a:read())
    assert.equal("closed", select(3, a:write "x"))
  end)

  it("answers closed after close, and closes twice", function()
    assert.is_true(a:close())
    assert.is_true(a:close())
    assert.equal("closed stream", urlsock.type(a))
    for _, method in ipairs {
      "read", "write", "flush", "peek", "handshake", "info", "localname", "peername", "shutdown",
      "stoptls", "peerchain", "detach", "fd", "receivefd", "peercred",
    } do
      local ok, message, code = a[method](a)
      assert.is_nil(ok)
      assert.equal("closed", code, method)
      assert.is_string(message)
    end
    assert.equal("closed", select(3, a:starttls()))
    assert.equal("closed", select(3, a:setvbuf "no"))
  end)

  it("reports a peer that is gone, without a signal", function()
    b:close()
    for _ = 1, 3 do assert.equal("reset", select(3, a:write "x")) end
  end)

  it("iterates over lines", function()
    a:write("1\n2\n3\n")
    a:close()
    local got = {}
    for line in b:lines() do got[#got + 1] = line end
    assert.same({ "1", "2", "3" }, got)
  end)

  it("gives away its descriptor only with empty buffers", function()
    a:write("ab")
    b:read(1)
    local fd, _, code = b:detach()
    assert.is_nil(fd)
    assert.equal("unsupported", code)
    b:read(1)
    fd = assert(b:detach())
    local again = assert(urlsock.adopt(fd))
    a:write("back\n")
    assert.equal("back", again:read())
    again:close()
  end)

  it("lets one coroutine read at a time", function()
    local busy
    support.together(function() return a:read() end, function()
      busy = { a:read() }
      return b:write("x\n")
    end)
    assert.equal("busy", busy[3])
  end)

  it("is not shut down under a coroutine that writes", function()
    local shut
    local big = ("x"):rep(1000000)
    support.together(function() return a:write(big) end, function()
      shut = { a:shutdown() }
      assert.equal(#big, #b:read(#big))
    end)
    assert.equal("busy", shut[3])
  end)

  it("shakes hands in one coroutine at a time, which goes on to read alone", function()
    local tls = { cert = support.cert "server.pem", key = support.cert "server.key" }
    local l = assert(urlsock.listen("tls://127.0.0.1:0", { tls = tls }))
    local c = assert(urlsock.connect((l:localname():gsub("tls", "tcp"))))
    local s = assert(l:accept())
    local busy, line = {}, nil
    support.together(function() line = s:read() end, function()
      busy[1] = select(3, s:handshake())
      assert(c:starttls(support.client))
      while not s:info().tls do coroutine.yield() end
      assert.equal(s, s:handshake())
      busy[2] = select(3, s:read())
      return c:write("x\n")
    end)
    assert.same({ "busy", "busy" }, busy)
    assert.equal("x", line)
    c:close()
    s:close()
    l:close()
  end)

  it("sends what it has accepted after close, to a peer that keeps reading", function()
    a:setvbuf("full", 1000000)
    assert(a:write(("x"):rep(900000)))
    local start = urlsock.now()
    assert.is_true(a:close())
    assert.is_true(urlsock.now() - start < 1)
    assert.equal(900000, #b:read "a")
  end)

  it("says what it is", function()
    assert.equal("stream", urlsock.type(a))
    assert.matches("^stream %(", tostring(a))
    assert.is_nil(urlsock.type(io.stdout))
    assert.is_false(a:info().tls)
    assert.is_nil(a:info().host)
  end)

  it("refuses times that are none", function()
    for _, seconds in ipairs { -1, 0 / 0, math.huge, "1" } do
      assert.has_error(function() a:settimeout(seconds) end)
    end
    a:settimeout(nil)
    assert.is_nil(a:gettimeout())
  end)
end)

describe("a connection", function()
  it("tries every address, and says why the last failed", function()
    local s, message, code = urlsock.connect("tcp://localhost:1")
    assert.is_nil(s)
    assert.equal("refused", code)
    assert.matches("localhost:1", message)
  end)

  it("reports a name that is not known", function()
    local s, _, code = urlsock.connect("tcp://nosuch.invalid:1")
    assert.is_nil(s)
    assert.equal("resolve", code)
  end)

  it("meets its deadline", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local start = urlsock.now()
    local s, message, code = urlsock.connect((l:localname():gsub("tcp", "tls")), {
      timeout = 0.2, tls = { ca = support.cert "ca.pem" },
    })
    assert.is_nil(s)
    assert.equal("timeout", code)
    assert.matches("^tls://127.0.0.1:%d+: connect: timed out$", message)
    assert.is_true(urlsock.now() - start < 1)
    l:close()
  end)

  it("names both ends by URLs", function()
    local l = assert(urlsock.listen("tcp://[::1]:0"))
    local c = assert(urlsock.connect(l:localname()))
    local s, peer = assert(l:accept())
    assert.equal(c:localname(), peer)
    assert.equal(peer, s:peername())
    assert.equal(l:localname(), c:peername())
    assert.equal("::1", c:info().host)
    assert.is_true(c:setoption("nodelay", true))
    assert.is_true(c:getoption "nodelay")
    assert.has_error(function() c:getoption "nosuch" end)
    assert.is_true(c:setoption("linger", 2))
    for _, seconds in ipairs { 0.5, -1, 1e300, true } do
      assert.has_error(function() c:setoption("linger", seconds) end)
    end
    assert.equal(2, c:getoption "linger")
    assert.is_true(c:setoption("linger", false))
    assert.is_false(c:getoption "linger")
    c:close()
    s:close()
    l:close()
  end)

  it("is bound to a local address, or fails", function()
    local l = assert(urlsock.listen("tcp://127.0.0.1:0"))
    local c = assert(urlsock.connect(l:localname(), { bind = "127.0.0.2" }))
    assert.matches("^tcp://127.0.0.2:", c:localname())
    c:close()
    local place = "127.0.0.2:" .. support.free_port()
    local file = assert(urlsock.listen("unix://" .. place)) -- in this directory, and none of ours
    c = assert(urlsock.connect(l:localname(), { bind = place }))
    c:close()
    assert(urlsock.connect("unix://" .. place)):close()
    file:close()
    local bad, _, code = urlsock.connect(l:localname(), { bind = "192.0.2.1" })
    assert.is_nil(bad)
    assert.equal("unreachable", code)
    l:close()
  end)

  it("refuses options that would have no effect", function()
    for _, given in ipairs { { backlog = 1 }, { mode = 384 }, { proxy = "require" } } do
      assert.equal("unsupported", select(3, urlsock.connect("unix://@urlsock-nobody", given)))
    end
  end)

  it("raises for an unknown option and a wrong type", function()
    assert.has_error(function() urlsock.connect("tcp://127.0.0.1:1", { tiemout = 1 }) end)
    assert.has_error(function() urlsock.connect("tcp://127.0.0.1:1", { timeout = "1" }) end)
    assert.has_error(function() urlsock.connect("tls://127.0.0.1:1", { tls = { veryfi = 1 } }) end)
    assert.has_error(function() urlsock.connect(80) end)
    for _, given in ipairs { { limit = 0 }, { tls = { limit = 1 } } } do
      local ok, problem = pcall(function() urlsock.connect("tls://127.0.0.1:1", given) end)
      assert.is_false(ok)
      assert.matches("stream_spec.lua:%d+: .*option 'limit' to 'connect'", problem)
    end
  end)
end)
