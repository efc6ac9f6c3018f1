-- Several addresses of a name: all are tried, and one that says nothing delays little.
local support = require "spec.support.init"

-- The scripts see a hosts file of their own, which takes a mount namespace.
local prefix = "unshare -m sh -c 'mount --bind build/hosts /etc/hosts && exec \"$@\"' -"

local function can_unshare()
  local f = assert(io.open("build/hosts", "w"))
  f:write [[
127.0.0.1 localhost
::1 both.test
127.0.0.1 both.test
127.0.0.2 three.test
127.0.0.3 three.test
127.0.0.4 three.test
]]
  f:close()
  return support.shell(prefix .. " echo yes 2>/dev/null") == "yes"
end

local preamble = [[
local urlsock = require "urlsock"
-- A listener whose queue is full answers nobody.
function mute(host, port)
  local l = assert(urlsock.listen("tcp://" .. host, port or 0, { backlog = 0 }))
  held = held or {}
  repeat
    local s = urlsock.connect(l:localname(), { timeout = 0.1 })
    held[#held + 1] = s
  until not s
  held[#held + 1] = l
  return urlsock.parse(l:localname()).port
end
descriptors = require("spec.support.init").descriptors
]]

local function run(text)
  return support.script(preamble .. text, prefix)
end

describe("a name with several addresses", function()
  if not can_unshare() then
    return it("is tried", function() pending "unshare(1) needs root" end)
  end

  it("is reached by the second while the first says nothing", function()
    assert.equal("127.0.0.1 true hello 0", run [[
local port = mute "[::1]"
local l = assert(urlsock.listen("tcp://127.0.0.1", port))
local before, start = descriptors(), urlsock.now()
local s = assert(urlsock.connect("tcp://both.test:" .. port, { timeout = 5 }))
local took = urlsock.now() - start
local peer = assert(l:accept(1))
peer:write "hello\n"
io.write(urlsock.parse(s:peername()).host, " ", tostring(took > 0.2 and took < 0.6), " ", s:read())
s:close()
peer:close()
print(" " .. descriptors() - before)
]])
  end)

  it("is reached by the first when it is slow, but not that slow", function()
    assert.equal("::1", run [[
local l = assert(urlsock.listen("tcp://[::1]:0"))
local port = urlsock.parse(l:localname()).port
mute("127.0.0.1", port)
local s = assert(urlsock.connect("tcp://both.test:" .. port, { timeout = 5 }))
io.write(urlsock.parse(s:peername()).host)
]])
  end)

  it("races on while more are silent or refuse", function()
    assert.equal("127.0.0.4 true", run [[
local port = mute "127.0.0.2"
local l = assert(urlsock.listen("tcp://127.0.0.4", port))
local start = urlsock.now()
local s = assert(urlsock.connect("tcp://three.test:" .. port, { timeout = 5 }))
local took = urlsock.now() - start
io.write(urlsock.parse(s:peername()).host, " ", tostring(took < 0.5))
]])
  end)

  it("is given up by the deadline, and leaves nothing behind", function()
    assert.equal("timeout true 0", run [[
local port = mute "[::1]"
mute("127.0.0.1", port)
local before, start = descriptors(), urlsock.now()
local s, _, code = urlsock.connect("tcp://both.test:" .. port, { timeout = 0.5 })
assert(not s)
io.write(code, " ", tostring(urlsock.now() - start < 0.6))
local deadline = urlsock.now() + 5
repeat urlsock.select({}, {}, 0.01) until descriptors() == before or urlsock.now() > deadline
print(" " .. descriptors() - before)
]])
  end)

  it("is refused when all are, and the message counts them", function()
    assert.equal("refused true", run [[
local s, message, code = urlsock.connect "tcp://three.test:1"
assert(not s)
io.write(code, " ", tostring(message:find("last of 3 addresses", 1, true) ~= nil))
]])
  end)

  it("does not keep the process from ending", function()
    local start = require("urlsock").now()
    run [[
local port = mute "[::1]"
mute("127.0.0.1", port)
urlsock.connect("tcp://both.test:" .. port, { timeout = 0.4 })
os.exit(0)
]]
    assert.is_true(require("urlsock").now() - start < 2)
  end)
end)
