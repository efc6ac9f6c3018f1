--- MySQL and MariaDB: SSLRequest
-- ([connection phase](https://mariadb.com/kb/en/connection/)).
--
-- The server speaks first, in the clear, and the login needs what it says: the dialogue has it as
-- a second result. What is in it anybody on the way may have written.
-- @module urlsock.starttls.mysql

local bytes = require "urlsock.starttls.bytes"

local little, number, has = bytes.little, bytes.number_little, bytes.has
local mysql = { options = { optional = true, capabilities = true } }

local CONNECT_PROTOCOL_41, CONNECT_SSL = 0x200, 0x800
local SECURE_CONNECTION, PLUGIN_AUTH = 0x8000, 0x80000
-- LONG_PASSWORD, LONG_FLAG and TRANSACTIONS beside those four
local DEFAULT = 0x1 + 0x4 + 0x200 + 0x800 + 0x2000 + 0x8000 + 0x80000
local UTF8MB4, MAX_PACKET = 45, 16777216

--- A packet: three bytes of length, a sequence number, and what follows.
local function packet(talk, sequence, what)
  local head = talk:take(4, what)
  if not head then return nil end
  if head:byte(4) ~= sequence then return talk:wrong(what, head) end
  local length = number(head:sub(1, 3))
  if length == 0 then return talk:wrong(what, head) end
  return talk:take(length, what)
end

--- The text of an ERR packet: 0xff, a number, perhaps # and an SQL state, words.
local function error_text(s)
  return ("%d %s"):format(number(s:sub(2, 3)), (s:sub(4):gsub("^#.....", "")))
end

--- Takes the initial handshake packet apart, version 10; nil where it is not as it has to be.
local function handshake(s)
  local version, at = s:match "^\10([^%z]*)%z()"
  if not version or #s < at + 30 then return nil end
  local low, high = number(s:sub(at + 13, at + 14)), number(s:sub(at + 18, at + 19))
  local t = {
    packet = s, version = version, connection = number(s:sub(at, at + 3)),
    capabilities = low + high * 65536, charset = s:byte(at + 15),
    status = number(s:sub(at + 16, at + 17)),
  }
  if s:byte(at + 12) ~= 0 then return nil end
  local length = s:byte(at + 20)
  local rest = s:sub(at + 31)
  if not has(t.capabilities, SECURE_CONNECTION) then return nil end
  if not has(t.capabilities, PLUGIN_AUTH) then length = 21 end
  -- the second part of the challenge: at least 13 bytes, of which the last is zero
  local second = math.max(13, length - 8)
  if #rest < second or rest:byte(second) ~= 0 then return nil end
  t.challenge = s:sub(at + 4, at + 11) .. rest:sub(1, second - 1)
  if has(t.capabilities, PLUGIN_AUTH) then
    t.plugin = rest:match("^([^%z]+)%z?$", second + 1)
    if not t.plugin then return nil end
  elseif #rest > second then
    return nil
  end
  return t
end

--- The flags that both sides have.
local function common(a, b)
  local flags, bit = 0, 1
  for _ = 1, 32 do
    if has(a, bit) and has(b, bit) then flags = flags + bit end
    bit = bit * 2
  end
  return flags
end

function mysql.client(talk, o)
  local what = "the greeting"
  local s = packet(talk, 0, what)
  if not s then return nil end
  if s:byte() == 255 then return talk:wrong(what, error_text(s)) end
  local greeting = handshake(s)
  if not greeting or not has(greeting.capabilities, CONNECT_PROTOCOL_41) then
    return talk:wrong(what, s)
  end
  greeting.sequence = 1
  if not has(greeting.capabilities, CONNECT_SSL) then return talk:absent(), greeting end
  local wanted = o.capabilities or DEFAULT
  for _, flag in ipairs { CONNECT_SSL, CONNECT_PROTOCOL_41 } do
    if not has(wanted, flag) then wanted = wanted + flag end
  end
  greeting.flags = common(wanted, greeting.capabilities)
  greeting.sequence = 2
  talk:ask(little(3, 32), "\1", little(4, greeting.flags), little(4, MAX_PACKET),
    string.char(UTF8MB4), ("\0"):rep(23))
  return not talk.code or nil, greeting
end

--- A greeting of our own: the server's side has it as its second result, like the client's.
local function hello()
  local random = bytes.random(20)
  if not random then return nil end
  -- as servers have it: printable, and no dollar
  local challenge = random:gsub(".", function(c) return string.char(37 + c:byte() % 90) end)
  local plugin = "mysql_native_password"
  local can = little(4, DEFAULT + 0x8)
  return handshake("\0105.5.5-urlsock\0" .. little(4, 1) .. challenge:sub(1, 8) .. "\0" ..
    can:sub(1, 2) .. string.char(UTF8MB4) .. little(2, 2) .. can:sub(3) .. string.char(21) ..
    ("\0"):rep(10) .. challenge:sub(9) .. "\0" .. plugin .. "\0")
end

function mysql.server(talk)
  local greeting = hello()
  if not greeting then return talk:fail("system", "no random bytes for the challenge") end
  talk:send(little(3, #greeting.packet), "\0", greeting.packet)
  local what = "the SSLRequest"
  local s = packet(talk, 1, what)
  if not s then return nil end
  if #s >= 32 and not has(number(s:sub(1, 4)), CONNECT_SSL) then
    local text = "\255" .. little(2, 3159) .. "#08004TLS is required"
    talk:send(little(3, #text), "\2", text)
    return talk:left()
  end
  if #s ~= 32 then return talk:wrong(what, s) end
  greeting.flags, greeting.sequence = number(s:sub(1, 4)), 2
  return talk:alone(), greeting
end

return mysql
