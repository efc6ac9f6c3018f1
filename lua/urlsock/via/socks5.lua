--- SOCKS 5 ([RFC 1928](https://www.rfc-editor.org/rfc/rfc1928)), with user and password
-- ([RFC 1929](https://www.rfc-editor.org/rfc/rfc1929)).
-- @module urlsock.via.socks5

local char = string.char

local NONE, PASSWORD, NOT_ACCEPTABLE = 0, 2, 255
local IPV4, NAME, IPV6 = 1, 3, 4

-- RFC 1928, section 6
local replies = {
  { "refused", "general failure" },
  { "denied", "not allowed by its rules" },
  { "unreachable", "the network is unreachable" },
  { "unreachable", "the host is unreachable" },
  { "refused", "connection refused" },
  { "unreachable", "the time to live expired" },
  { "unsupported", "it does not do CONNECT" },
  { "unsupported", "it does not know that kind of address" },
}

--- Is it the version of the dialogue? Otherwise it is no such proxy.
local function check(talk, answer, version, what)
  if answer:byte() == version then return true end
  return talk:fail("refused", "%s is none of SOCKS 5: '%s'", what, talk.quoted(answer))
end

--- RFC 1929, section 2
local function authenticate(talk, proxy)
  talk:send(char(1, #proxy.user), proxy.user, char(#proxy.password), proxy.password)
  local answer = talk:take(2, "the answer to user and password")
  if not answer or not check(talk, answer, 1, "the answer to user and password") then return nil end
  if answer:byte(2) ~= 0 then return talk:fail("denied", "user or password are not accepted") end
  return true
end

--- RFC 1928, section 3
local function greet(talk, proxy)
  talk:send(proxy.user and char(5, 2, NONE, PASSWORD) or char(5, 1, NONE))
  local answer = talk:take(2, "the choice of a method")
  if not answer or not check(talk, answer, 5, "the choice of a method") then return nil end
  local method = answer:byte(2)
  if method == NONE then return true end
  if method == PASSWORD and proxy.user then return authenticate(talk, proxy) end
  if method == NOT_ACCEPTABLE then
    return talk:fail("denied", proxy.user and "it does not take a password"
      or "it wants a user and a password, or none of us")
  end
  return talk:fail("refused", "it chose method %d, which was not offered", method)
end

--- The 16 bytes of an IPv6 address in its canonical spelling.
local function ipv6(host)
  host = host:gsub("(%d+)%.(%d+)%.(%d+)%.(%d+)$", function(a, b, c, d)
    return ("%x:%x"):format(a * 256 + b, c * 256 + d)
  end)
  local function groups(text)
    local bytes = text:gsub("(%x+):?", function(group)
      local n = tonumber(group, 16)
      return char((n - n % 256) / 256, n % 256)
    end)
    return bytes
  end
  local head, tail = host:match "^(.-)::(.*)$"
  if not head then return groups(host) end
  head, tail = groups(head), groups(tail)
  return head .. ("\0"):rep(16 - #head - #tail) .. tail
end

--- RFC 1928, sections 4 and 5
local function address(host)
  local a, b, c, d = host:match "^(%d+)%.(%d+)%.(%d+)%.(%d+)$"
  if a then return char(IPV4, a, b, c, d) end
  if host:find(":", 1, true) then return char(IPV6) .. ipv6(host) end
  return char(NAME, #host) .. host
end

--- What it is bound to; nobody needs it, and it has to be taken.
local function skip_address(talk, kind)
  local what = "the address in its reply"
  if kind == NAME then
    local n = talk:take(1, what)
    return n and talk:take(n:byte() + 2, what)
  end
  local length = kind == IPV4 and 4 or kind == IPV6 and 16
  if not length then return talk:fail("refused", "its reply has an address of kind %d", kind) end
  return talk:take(length + 2, what)
end

--- RFC 1928, sections 4 and 6
local function connect(talk, target)
  local port = target.port
  talk:send(char(5, 1, 0), address(target.host), char((port - port % 256) / 256, port % 256))
  local reply = talk:take(2, "the reply to CONNECT")
  if not reply or not check(talk, reply, 5, "the reply to CONNECT") then return nil end
  local number = reply:byte(2)
  if number ~= 0 then
    local known = replies[number] or { "refused", "failure " .. number }
    return talk:fail(known[1], "%s", known[2])
  end
  local rest = talk:take(2, "the reply to CONNECT")
  return rest and skip_address(talk, rest:byte(2)) and true
end

return function(talk, target, proxy)
  if proxy.user and (#proxy.user > 255 or #proxy.password < 1 or #proxy.password > 255) then
    return talk:fail("url", "a user and a password have 1 to 255 bytes each")
  end
  return greet(talk, proxy) and connect(talk, target)
end
