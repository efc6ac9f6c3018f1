--- LDAP: StartTLS ([RFC 4511](https://www.rfc-editor.org/rfc/rfc4511), section 4.14).
-- @module urlsock.starttls.ldap

local bytes = require "urlsock.starttls.bytes"

local char, number = string.char, bytes.number
local ldap = { options = {} }

local STARTTLS = "1.3.6.1.4.1.1466.20037"
local SEQUENCE, INTEGER, OCTETS, ENUMERATED = 0x30, 0x02, 0x04, 0x0a
-- [APPLICATION n]: what a client asks and what answers it (section 4.2 and on)
local EXTENDED, EXTENDED_ANSWER, UNBIND, ABANDON = 0x77, 0x78, 0x42, 0x50
local answers = {
  [0x60] = 0x61, [0x63] = 0x65, [0x66] = 0x67, [0x68] = 0x69, [0x4a] = 0x6b, [0x6c] = 0x6d,
  [0x6e] = 0x6f, [EXTENDED] = EXTENDED_ANSWER,
}
local results = {
  [1] = "operationsError", [2] = "protocolError", [8] = "strongerAuthRequired", [10] = "referral",
  [13] = "confidentialityRequired", [51] = "busy", [52] = "unavailable",
  [53] = "unwillingToPerform", [80] = "other",
}

--- An element of BER. Section 5.1: lengths are definite.
local function element(tag, content)
  local length = #content < 128 and char(#content) or "\130" .. bytes.big(2, #content)
  return char(tag) .. length .. content
end

--- Takes an element apart: its tag, its content and where the next one begins; nil where it is
-- not whole.
local function part(s, at)
  local tag, length = s:byte(at, at + 1)
  if not length then return nil end
  local first = at + 2
  if length > 127 then
    local n = length - 128
    if n < 1 or n > 4 or first + n - 1 > #s then return nil end
    length = number(s:sub(first, first + n - 1))
    first = first + n
  end
  if first + length - 1 > #s then return nil end
  return tag, s:sub(first, first + length - 1), first + length
end

--- All the elements of a string, as lists of tags and contents; nil where they do not fill it.
local function parts(s)
  local tags, contents, at = {}, {}, 1
  while at <= #s do
    local tag, content, next_ = part(s, at)
    if not tag then return nil end
    tags[#tags + 1], contents[#contents + 1], at = tag, content, next_
  end
  return tags, contents
end

--- A whole LDAPMessage (section 4.1.1): its id, and its operation's tag and content.
local function message(talk, what)
  local head = talk:take(2, what)
  if not head then return nil end
  local tag, length = head:byte(1, 2)
  local n = length > 128 and length - 128 or 0
  if tag ~= SEQUENCE or length == 128 or n > 4 then return talk:wrong(what, head) end
  if n > 0 then
    local long = talk:take(n, what)
    if not long then return nil end
    length = number(long)
  end
  local body = talk:take(length, what)
  if not body then return nil end
  local tags, contents = parts(body)
  -- behind the operation, only controls may stand
  if not tags or tags[1] ~= INTEGER or #contents[1] < 1 or #contents[1] > 4 or not tags[2] or
    #tags > 3 or (tags[3] and tags[3] ~= 0xa0) then
    return talk:wrong(what, body)
  end
  return number(contents[1]), tags[2], contents[2]
end

--- An LDAPResult in an ExtendedResponse (section 4.12): its code, its diagnostic message and the
-- response's name.
local function result(content)
  local tags, contents = parts(content)
  if not tags or tags[1] ~= ENUMERATED or #contents[1] ~= 1 or tags[2] ~= OCTETS or
    tags[3] ~= OCTETS then
    return nil
  end
  local name
  for i = 4, #tags do
    if tags[i] == 0x8a then
      name = contents[i]
    elseif tags[i] ~= 0xa3 and tags[i] ~= 0x8b then
      return nil
    end
  end
  return contents[1]:byte(), contents[3], name
end

function ldap.client(talk)
  local what = "the answer to StartTLS"
  talk:ask(element(SEQUENCE, element(INTEGER, "\1") .. element(EXTENDED, element(0x80, STARTTLS))))
  local id, tag, content = message(talk, what)
  if not id then return nil end
  local code, text, name
  if tag == EXTENDED_ANSWER then code, text, name = result(content) end
  -- id 0 is a notice of disconnection (section 4.4.1): its result is never success
  if not code or id > 1 or (id == 1 and name and name ~= STARTTLS) or (id == 0 and code == 0) then
    return talk:wrong(what, content)
  end
  if code == 0 then return true end
  return talk:wrong(what, ("%s: %s"):format(results[code] or "result " .. code, text))
end

local function say(talk, id, tag, code, text, name)
  talk:send(element(SEQUENCE, element(INTEGER, id) .. element(tag, element(ENUMERATED,
    char(code)) .. element(OCTETS, "") .. element(OCTETS, text) .. (name or ""))))
end

--- A message id in as few bytes as its sign allows (X.690, section 8.3.2).
local function spelled(id)
  return bytes.big(id < 2 ^ 7 and 1 or id < 2 ^ 15 and 2 or id < 2 ^ 23 and 3 or 4, id)
end

function ldap.server(talk)
  local what = "a request"
  while true do
    local id, tag, content = message(talk, what)
    if not id then return nil end
    if id == 0 or id >= 2 ^ 31 then return talk:wrong(what, content) end
    if tag == UNBIND then return talk:left() end
    local named, name = part(content, 1)
    if tag == EXTENDED and named == 0x80 and name == STARTTLS then
      if #content ~= #STARTTLS + 2 then return talk:wrong(what, content) end
      if not talk:alone() then return nil end
      say(talk, spelled(id), EXTENDED_ANSWER, 0, "", element(0x8a, STARTTLS))
      return not talk.code or nil
    elseif answers[tag] then
      say(talk, spelled(id), answers[tag], 13, "must issue StartTLS first")
    elseif tag ~= ABANDON then
      return talk:wrong(what, content)
    end
  end
end

return ldap
