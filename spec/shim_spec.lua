local support = require "spec.support.init"

local shim = "build/native/shim.so"

-- A pair, a listener, a client of it, TLS on both: what came of it, or the code of what failed.
local script = [[
local urlsock = require "urlsock"
local support = require "spec.support.init"

io.stdout:setvbuf "no"

local function ok(value, message, code)
  if value then return value end
  print("failed", code, message)
  os.exit(0, true)
end

urlsock.settimeout(10)
local a, b = assert(urlsock.pair())
ok(a:write("ping\n"))
print(ok(b:read()))
b:settimeout(0.05)
local _, message, code = b:read()
print(code == "timeout" or ok(nil, message, code))
b:settimeout(10)
ok(b:write(("x"):rep(100), "\n"))
print(#ok(a:read()))

urlsock.use { wait = function(s, want)
  urlsock.select(want == "r" and { s } or {}, want == "w" and { s } or {}, 0.002)
  coroutine.yield()
end }
local big = ("0123456789"):rep(2000)
local l = ok(urlsock.listen("tcp://127.0.0.1:0"))

local function serve()
  local s = ok(l:accept())
  print(ok(s:read()))
  ok(s:write("go ahead\n"))
  ok(s:starttls(support.server))
  print(ok(s:read(#big)) == big)
  ok(s:write(big, "\n"))
  print(ok(s:read("a")))
  ok(s:shutdown())
  ok(s:close())
end

local function call()
  local c = ok(urlsock.connect(l:localname()))
  ok(c:write("starttls\n"))
  print(ok(c:read()))
  ok(c:starttls(support.client))
  ok(c:write(big))
  print(ok(c:readuntil("\n")) == big)
  ok(c:write("bye"))
  ok(c:shutdown())
  print(select(3, c:read()))
  ok(c:close())
end

local sides = { coroutine.create(serve), coroutine.create(call) }
while coroutine.status(sides[1]) ~= "dead" or coroutine.status(sides[2]) ~= "dead" do
  for _, side in ipairs(sides) do
    if coroutine.status(side) ~= "dead" then assert(coroutine.resume(side)) end
  end
end
print "done"
]]

-- Runs it under a plan; the output without the shim's last line, and how many calls failed.
local function under(plan)
  local prefix = ("timeout 30 env SHIM='%s' LD_PRELOAD=%s"):format(plan, shim)
  local output = support.script(script, prefix)
  local text, faults = output:match("^(.*)\nshim: (%d+) faults$")
  assert(text, output)
  return text, tonumber(faults)
end

local function exists(path)
  local f = io.open(path)
  if f then f:close() end
  return f ~= nil
end

describe("a system call", function()
  if not exists(shim) then
    pending("needs " .. shim)
    return
  end
  local plain

  setup(function()
    plain = support.script(script)
    assert.matches("\ndone$", plain)
  end)

  for _, plan in ipairs { "recv=EINTR/2", "recv=EAGAIN/3", "recv=short/1", "send=EINTR/2",
    "send=EAGAIN/2", "send=short/2", "send=short/1", "connect=EINTR/1", "accept4=EINTR/2",
    "accept4=EAGAIN/3", "accept4=ECONNABORTED/2", "accept4=ENETDOWN/2",
    "accept4=EHOSTUNREACH@1,accept4=EPROTO@2", "poll=EINTR/2",
    "recv=short/2,send=short/3,recv=EAGAIN/5,send=EAGAIN/5,poll=EINTR/3,accept4=EINTR/2" } do
    it("makes no difference when it is interrupted, early or short: " .. plan, function()
      local output, faults = under(plan)
      assert.equal(plain, output)
      assert.is_true(faults > 0)
    end)
  end

  for plan, code in pairs { ["socket=EMFILE@1"] = "system", ["socket=EMFILE@2"] = "system",
    ["accept4=EMFILE@1"] = "system", ["socket=ENOMEM@1"] = "memory",
    ["connect=ENOMEM@1"] = "memory", ["recv=ENOMEM@1"] = "memory", ["recv=ENOMEM@5"] = "memory",
    ["recv=ENOMEM@9"] = "memory", ["send=ENOMEM@1"] = "memory", ["send=ENOMEM@3"] = "memory",
    ["send=ENOMEM@6"] = "memory", ["accept4=ENOMEM@1"] = "memory",
    ["poll=ENOMEM/1"] = "memory" } do
    it("fails with a code when the system has no more: " .. plan, function()
      local output, faults = under(plan)
      local got, message = output:match("failed\t(%l+)\t([^\n]*)$")
      assert.equal(code, got, output)
      assert.matches(code == "memory" and "out of memory" or "too many open descriptors", message)
      assert.is_true(faults > 0)
    end)
  end
end)
