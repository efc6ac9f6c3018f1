-- Descriptors: passed over Unix sockets, inherited from a parent, and whose they are.
local support = require "spec.support.init"
local urlsock = require "urlsock"

describe("a descriptor", function()
  local a, b
  before_each(function() a, b = assert(urlsock.pair()) end)
  after_each(function()
    a:close()
    b:close()
  end)

  it("goes to the other side, and works there", function()
    local x, y = assert(urlsock.pair())
    -- the receiver says when: what it reads before must not reach beyond
    assert(a:write("before\n"))
    assert.equal("before", b:read())
    assert(b:write("ready\n"))
    assert.equal("ready", a:read())
    assert.equal(a, a:sendfd(x))
    local fd = assert(b:receivefd())
    assert.is_not.equal(x:fd(), fd)
    x:close()
    local again = assert(urlsock.adopt(fd))
    assert(again:write("through\n"))
    assert.equal("through", y:read())
    again:close()
    assert.equal("eof", select(3, y:read()))
    y:close()
  end)

  it("is not harmed by the end of the copy that was passed", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    for _, used in ipairs { false, true } do
      local c = assert(urlsock.connect(l:localname()))
      local s = assert(l:accept())
      assert(c:write "request\n")
      if used then
        assert.equal("request", s:read())
        assert(s:write "wait\n")
        assert.equal("wait", c:read())
      end
      assert(a:sendfd(s))
      local passed = assert(urlsock.adopt(assert(b:receivefd())))
      s:close()
      if not used then assert.equal("request", passed:read()) end
      assert(passed:write "answer\n")
      assert.equal("answer", c:read())
      passed:close()
      assert.equal("eof", select(3, c:read()))
      c:close()
    end
    l:close()
  end)

  it("is waited for, and missed at the end", function()
    b:settimeout(0.01)
    assert.equal("timeout", select(3, b:receivefd()))
    assert(a:write("x"))
    local fd, message, code = b:receivefd()
    assert.is_nil(fd)
    assert.equal("system", code)
    assert.matches("without a descriptor", message)
    a:close()
    assert.equal("eof", select(3, b:receivefd()))
  end)

  it("goes over a Unix socket in the clear only", function()
    local l = assert(urlsock.listen "tcp://127.0.0.1:0")
    local c = assert(urlsock.connect(l:localname()))
    for _, call in ipairs {
      function() return c:sendfd(a) end, function() return c:receivefd() end,
      function() return c:peercred() end,
    } do
      assert.equal("unsupported", select(3, call()))
    end
    c:close()
    l:close()
    local s = support.upgrade(support.client)
    assert.equal("unsupported", select(3, s:sendfd(a)))
    assert(a:write("unread"))
    assert(b:peek())
    local fd, message, code = b:receivefd()
    assert.is_nil(fd)
    assert.equal("unsupported", code)
    assert.matches("6 bytes", message)
    assert.has_error(function() a:sendfd("x") end)
    assert.has_error(function() a:sendfd(-1) end)
    assert.equal("system", select(3, a:sendfd(1000000)))
    b:close()
    assert.equal("closed", select(3, b:receivefd()))
  end)

  it("tells who connected", function()
    local cred = assert(a:peercred())
    assert.equal(tonumber(support.shell "id -u"), cred.uid)
    assert.equal(tonumber(support.shell "id -g"), cred.gid)
    assert.is_number(cred.pid)
  end)

  it("is called by the URL that adopt was given", function()
    local fd = assert(a:detach())
    local s = assert(urlsock.adopt(fd, { url = "TCP://Mail.Test:25" }))
    assert.equal("tcp://mail.test:25", s:info().url)
    b:close()
    local _, message = s:read()
    assert.matches("^tcp://mail.test:25: ", message)
    s:close()
    local x = assert(urlsock.pair())
    fd = x:detach()
    assert.equal("url", select(3, urlsock.adopt(fd, { url = "nonsense" })))
    s = assert(urlsock.adopt(fd))
    s:close()
    assert.has_error(function() urlsock.connect("tcp://127.0.0.1:1", { url = "x" }) end)
  end)
end)

describe("an inherited descriptor", function()
  it("is standard input, as inetd(8) gives it, or a listener, as systemd does", function()
    if not support.has "python3" then return pending "python3 is not installed" end
    local path = os.tmpname()
    local f = assert(io.open(path, "w"))
    f:write [[
local urlsock = require "urlsock"
local s = assert(urlsock.adopt(0))
if urlsock.type(s) == "stream" then
  assert(s:write(s:read(), "!\n"))
else
  local c = assert(s:accept(5))
  assert(c:write(urlsock.type(s), "\n"))
  c:close()
end
s:close()
]]
    f:close()
    assert.equal("hello!", support.shell(("/usr/bin/python3 -c '\n" .. [[
import socket, subprocess
a, b = socket.socketpair()
p = subprocess.Popen(["%s", "%s"], stdin=b)
a.sendall(b"hello\n")
print(a.recv(100).decode().strip())
p.wait()
']]):format(os.getenv "LUA", path)))
    assert.equal("listener", support.shell(("/usr/bin/python3 -c '\n" .. [[
import socket, subprocess
l = socket.create_server(("127.0.0.1", 0))
p = subprocess.Popen(["%s", "%s"], stdin=l)
c = socket.create_connection(l.getsockname())
print(c.recv(100).decode().strip())
p.wait()
']]):format(os.getenv "LUA", path)))
    os.remove(path)
  end)
end)
