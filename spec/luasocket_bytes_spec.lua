-- LuaSocket's send and receive.
local kit = require "spec.support.luasocket"

local arrived, connected = kit.arrived, kit.connected

local battery = {
  ["send"] = function(socket) return connected(socket):send "abc" end,
  ["send a number"] = function(socket) return connected(socket):send(12) end,
  ["send nothing"] = function(socket) return connected(socket):send "" end,
  ["send from"] = function(socket) return connected(socket):send("abcdef", 3) end,
  ["send from to"] = function(socket)
    local client, accepted = connected(socket)
    local a, b, c = client:send("abcdef", 2, -2)
    return a, b, c, accepted:receive(4)
  end,
  ["send from the end"] = function(socket) return connected(socket):send("abcdef", -2) end,
  ["send from beyond"] = function(socket) return connected(socket):send("abc", 5) end,
  ["send from zero to zero"] = function(socket) return connected(socket):send("abc", 0, 0) end,
  ["send from behind to before"] = function(socket) return connected(socket):send("abc", 3, 1) end,
  ["send on a closed client"] = function(socket)
    local client = connected(socket)
    client:close()
    return client:send("abc", 2)
  end,
  ["send until the peer is gone"] = function(socket)
    local client, accepted = connected(socket)
    accepted:close()
    local ok, word
    repeat ok, word = client:send "x" until not ok
    return ok, word
  end,
  ["send more than is taken"] = function(socket)
    local client = connected(socket)
    client:settimeout(0)
    local ok, word, last = client:send(("x"):rep(2 ^ 24))
    return ok, word, last > 0 and last < 2 ^ 24
  end,
  ["what was taken is what arrives"] = function(socket)
    local client, accepted = connected(socket)
    client:settimeout(0.01)
    accepted:settimeout(0)
    local _, _, last = client:send(("x"):rep(2 ^ 23))
    client:close()
    local n = 0
    repeat
      arrived(socket, accepted)
      local data, word, partial = accepted:receive(65536)
      n = n + #(data or partial)
    until word == "closed"
    return n == last
  end,
  ["receive lines"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\ntw\ro\r\r\n\nthree\n"
    return accepted:receive(), accepted:receive "*l", accepted:receive(), (accepted:receive())
  end,
  ["receive has three results"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\n"
    return accepted:receive()
  end,
  ["receive a long line"] = function(socket)
    local client, accepted = connected(socket)
    client:send(("x"):rep(5000) .. "\r" .. ("y"):rep(512) .. "\nz\n")
    return accepted:receive(), (accepted:receive())
  end,
  ["receive a line behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one\r\n"
    return accepted:receive("*l", "pre")
  end,
  ["receive a line that is not whole"] = function(socket)
    local client, accepted = connected(socket)
    client:send "on\re"
    arrived(socket, accepted)
    accepted:settimeout(0)
    local a, b, c = accepted:receive()
    client:send "more\n"
    arrived(socket, accepted)
    return a, b, c, accepted:receive("*l", c)
  end,
  ["receive a line that never ends"] = function(socket)
    local client, accepted = connected(socket)
    client:send "one"
    client:close()
    return accepted:receive()
  end,
  ["receive bytes"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abcdef"
    return accepted:receive(2), accepted:receive(4)
  end,
  ["receive many bytes"] = function(socket)
    local client, accepted = connected(socket)
    client:send(("abc"):rep(30000))
    return accepted:receive(90000)
  end,
  ["receive bytes behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abcdef"
    return accepted:receive(5, "xy")
  end,
  ["receive no more than the prefix"] = function(socket)
    local _, accepted = connected(socket)
    return accepted:receive(2, "xy")
  end,
  ["receive less than the prefix"] = function(socket)
    local _, accepted = connected(socket)
    return accepted:receive(1, "xy")
  end,
  ["receive no byte when there is one"] = function(socket)
    local client, accepted = connected(socket)
    client:send "a"
    return accepted:receive(0)
  end,
  ["receive no byte when there is none"] = function(socket)
    local client, accepted = connected(socket)
    accepted:settimeout(0)
    return accepted:receive(0), client
  end,
  ["receive bytes that do not come"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    arrived(socket, accepted)
    accepted:settimeout(0)
    return accepted:receive(5)
  end,
  ["receive bytes that end"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    client:close()
    return accepted:receive(5)
  end,
  ["receive everything"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc\r\n\r"
    client:close()
    return accepted:receive "*a"
  end,
  ["receive everything behind a prefix"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    client:close()
    return accepted:receive("*a", "pre")
  end,
  ["receive everything of nothing"] = function(socket)
    local client, accepted = connected(socket)
    client:close()
    return accepted:receive("*a", "pre")
  end,
  ["receive everything that does not end"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    arrived(socket, accepted)
    accepted:settimeout(0.01)
    return accepted:receive("*a", "pre")
  end,
  ["receive after the end"] = function(socket)
    local client, accepted = connected(socket)
    client:close()
    return accepted:receive(), accepted:receive(3)
  end,
  ["receive on a closed client"] = function(socket)
    local client = connected(socket)
    client:close()
    return client:receive()
  end,
  ["receive by an unknown pattern"] = function(socket)
    return (pcall(function() connected(socket):receive "x" end))
  end,
  ["receive fewer than none"] = function(socket)
    return (pcall(function() connected(socket):receive(-1) end))
  end,
  ["a total time-out"] = function(socket)
    local _, accepted = connected(socket)
    accepted:settimeout(5, "b")
    accepted:settimeout(0.01, "t")
    return accepted:receive()
  end,
  ["dirty"] = function(socket)
    local client, accepted = connected(socket)
    local before = accepted:dirty()
    client:send "abc"
    accepted:receive(1)
    return before, accepted:dirty()
  end,
  ["stats"] = function(socket)
    local client, accepted = connected(socket)
    client:send "abc"
    accepted:receive(2)
    local received, sent, age = client:getstats()
    return received, sent, age < 5, client:setstats(7, 8, 100), (client:getstats())
  end,
  ["shutdown of sending"] = function(socket)
    local client, accepted = connected(socket)
    local ok = client:shutdown "send"
    local a, b = accepted:receive()
    accepted:send "x"
    return ok, a, b, (client:receive(1))
  end,
}

describe("the bytes of LuaSocket's interface", function() kit.compare(it, pending, battery) end)
