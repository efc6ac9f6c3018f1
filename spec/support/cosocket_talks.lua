-- Talks of a cosocket with a server: run by nginx, which is the oracle, and by the facade.
-- `serve` gets a stream of ours; `talk` a connected socket, and how to make another. nginx loads
-- this file too: it requires nothing.

local function silent(s)
  repeat local data = s:read(-65536) until not data
end

local function says(text) return function(s) s:write(text) silent(s) end end
local function says_and_ends(text) return function(s) s:write(text) end end

local talks = {
  line = { says "one\r\ntw\ro\nthree", function(sock)
    return { sock:receive(), sock:receive "*l" }
  end },
  results = { says "one\r\n", function(sock) return { select("#", sock:receive()) } end },
  ["line that ends early"] = { says_and_ends "one\r\ntwo", function(sock)
    return { sock:receive(), { sock:receive() }, { sock:receive() }, { sock:close() } }
  end },
  ["line that stops"] = { says "on", function(sock)
    sock:settimeout(50)
    return { { sock:receive() } }
  end },
  ["a time-out leaves the connection"] = { function(s)
    s:read(1)
    s:write "later\n"
    silent(s)
  end, function(sock)
    sock:settimeout(50)
    local first = { sock:receive() }
    sock:settimeout(5000)
    return { first, sock:send "x", (sock:receive()) }
  end },
  bytes = { says "abcdef", function(sock) return { sock:receive(2), sock:receive "4" } end },
  ["no bytes"] = { says "abc", function(sock) return { (sock:receive(0)) } end },
  ["bytes that end early"] = { says_and_ends "abc", function(sock)
    return { { sock:receive(5) }, { sock:receive(5) } }
  end },
  everything = { says_and_ends "abc\r\n", function(sock)
    return { { sock:receive "*a" }, { sock:receive "*a" } }
  end },
  ["everything of nothing"] = { says_and_ends "", function(sock)
    return { { sock:receive "*a" } }
  end },
  ["bad patterns"] = { silent, function(sock)
    return { (pcall(sock.receive, sock, "x")), (pcall(sock.receive, sock, -1)),
      (pcall(sock.receiveany, sock, 0)), (pcall(sock.receiveuntil, sock)) }
  end },
  any = { says_and_ends "abc", function(sock)
    return { { sock:receiveany(2) }, { sock:receiveany(9) }, { sock:receiveany(9) } }
  end },
  ["any that does not come"] = { silent, function(sock)
    sock:settimeout(50)
    return { { sock:receiveany(2) } }
  end },
  ["until"] = { says "hello, world! -agentzh\r\n--abcedhb\r\n--x\r\n--abcedhb", function(sock)
    local reader = sock:receiveuntil "\r\n--abcedhb"
    return { { reader() }, { reader() } }
  end },
  ["until, with sizes"] = { says "hello, world! -agentzh\r\n--abcedhb blah", function(sock)
    local reader, results = sock:receiveuntil "\r\n--abcedhb", {}
    for i = 1, 7 do results[i] = { reader(4) } end
    results[8] = sock:receive(5)
    return results
  end },
  ["until, a size that fits"] = { says "abcd--efgh--", function(sock)
    local reader = sock:receiveuntil "--"
    return { { reader(4) }, { reader(4) }, { reader(4) }, { reader(4) }, { reader(4) } }
  end },
  ["until, inclusive"] = { says "abc--def--", function(sock)
    local reader = sock:receiveuntil("--", { inclusive = true })
    return { { reader() }, { reader() } }
  end },
  ["until, beginnings that are none"] = { says "ababac-abab", function(sock)
    return { { sock:receiveuntil("abac")() }, { sock:receiveuntil("abab")() } }
  end },
  ["until, byte by byte"] = { function(s)
    for c in ("xx-xx--xx---y"):gmatch "." do
      s:write(c)
      s:read(1)
    end
    silent(s)
  end, function(sock)
    local reader, done = sock:receiveuntil "---", {}
    sock:settimeout(50)
    local text = ""
    for _ = 1, 12 do
      local data, _, partial = reader()
      text = text .. (data or partial or "")
      if data then
        done[1] = data ~= nil
        break
      end
      sock:send "."
    end
    return { text, done }
  end },
  ["until it ends early"] = { says_and_ends "abc-", function(sock)
    local reader = sock:receiveuntil "--"
    return { { reader() }, { reader() } }
  end },
  ["until nothing"] = { silent, function(sock) return { { sock:receiveuntil "" } } end },
  send = { silent, function(sock)
    return { { sock:send "abc" }, { sock:send(12) }, { sock:send "" },
      { sock:send { "a", { "b", 3, { "d" } }, 5 } } }
  end },
  ["send arrives"] = { function(s) s:write(s:read(7), "\n") silent(s) end, function(sock)
    sock:send { "a", { "b", 3, { "d" } }, "efg" }
    return { (sock:receive()) }
  end },
  ["closed"] = { silent, function(sock)
    return { { sock:close() }, { sock:close() }, { sock:send "x" }, { sock:receive() },
      { sock:receiveany(1) }, { sock:receiveuntil("x")() }, { sock:setkeepalive() },
      { sock:getreusedtimes() }, { sock:sslhandshake() } }
  end },
  ["refused"] = { silent, function(_, tcp)
    local sock = tcp()
    return { { sock:connect("127.0.0.1", 1) }, { sock:send "x" }, { sock:receive() },
      { sock:close() } }
  end },
  ["before connect"] = { silent, function(_, tcp)
    local sock = tcp()
    return { { sock:send "x" }, { sock:receive() }, { sock:close() }, { sock:setkeepalive() } }
  end },
  ["used again"] = { function(s) s:write "a\n" s:read(1) s:write "b\n" silent(s) end,
    function(sock, tcp, port)
      local first = { sock:receive(), sock:getreusedtimes(), sock:setkeepalive(1000, 5) }
      local again = tcp()
      return { first, { sock:send "x" }, again:connect("127.0.0.1", port),
        again:getreusedtimes(), again:send "x", (again:receive()) }
    end },
  ["not kept with bytes unread"] = { says "a\nb", function(sock)
    sock:receive(1)
    sock:settimeout(50)
    return { { sock:setkeepalive() } }
  end },
  ["kept apart by pools"] = { silent, function(sock, tcp, port)
    sock:setkeepalive(1000, 5)
    local other = tcp()
    other:connect("127.0.0.1", port, { pool = "another" })
    return { other:getreusedtimes() }
  end },
  ["handshake with no TLS server"] = { says "220 hello\r\n", function(sock)
    local ok, word = sock:sslhandshake(nil, "localhost", true)
    return { ok, word ~= nil, { sock:send "x" } }
  end },
}

--- Results as one line of text, each nil in its place.
local function text_of(v)
  if type(v) == "number" then return ("%g"):format(v) end
  if type(v) == "string" then
    return '"' .. v:gsub('[%c"]', function(c) return ("\\%d"):format(c:byte()) end) .. '"'
  end
  if type(v) ~= "table" then return tostring(v) end
  local last, parts = 0, {}
  for i in pairs(v) do last = math.max(last, i) end
  for i = 1, last do parts[i] = text_of(v[i]) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function run(name, tcp, port)
  local sock = tcp()
  sock:settimeout(5000)
  assert(sock:connect("127.0.0.1", port))
  return text_of(talks[name][2](sock, tcp, port))
end

return { talks = talks, run = run }
