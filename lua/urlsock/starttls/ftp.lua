--- FTP: AUTH TLS ([RFC 4217](https://www.rfc-editor.org/rfc/rfc4217), section 4).
-- @module urlsock.starttls.ftp

local command = require("urlsock.starttls.talk").command

local ftp = { options = { greeted = true, optional = true } }

--- A reply: its code, its last line, and the lines between (RFC 959, section 4.2). Those may hold
-- anything, but not another reply.
local function reply(talk, what)
  local line = talk:line(what)
  if not line then return nil end
  local code, mark = line:match "^([1-6][0-5]%d)([ -])"
  if not code then
    code, mark = line:match "^([1-6][0-5]%d)$", " "
    if not code then return talk:wrong(what, line) end
  end
  local between = {}
  if mark == " " then return code, line, between end
  while true do
    line = talk:line(what)
    if not line then return nil end
    local digits, sign = line:match "^(%d%d%d)([ -])"
    if line == code then digits, sign = code, " " end
    if digits and digits ~= code then return talk:wrong(what, line) end
    if sign == " " then return code, line, between end
    between[#between + 1] = line
  end
end

--- True for a reply with that code.
local function expect(talk, wanted, what)
  local code, line = reply(talk, what)
  if not code then return nil end
  if code ~= wanted then return talk:wrong(what, line) end
  return true
end

local function greeting(talk)
  local code, line = reply(talk, "the greeting")
  -- RFC 959, section 5.4: 120 promises a 220
  if code == "120" then return expect(talk, "220", "the greeting") end
  if not code then return nil end
  return code == "220" or talk:wrong("the greeting", line)
end

--- Does FEAT list AUTH TLS (RFC 2389, section 3; RFC 4217, section 6)? nil when the talk failed.
local function offers(talk)
  talk:ask "FEAT\r\n"
  local code, _, lines = reply(talk, "the answer to FEAT")
  if not code then return nil end
  local found = false
  for _, line in ipairs(code == "211" and lines or {}) do
    local list = line:upper():match "^ AUTH (.*)$"
    for mechanism in (list or ""):gmatch "[^; ]+" do
      found = found or mechanism == "TLS"
    end
  end
  return found
end

function ftp.client(talk, o)
  if not o.greeted and not greeting(talk) then return nil end
  -- FEAT is optional, so its silence is no refusal: only who would do without TLS has to ask
  if o.optional then
    local offered = offers(talk)
    if offered == nil then return nil end
    if not offered then return talk:absent() end
  end
  talk:ask "AUTH TLS\r\n"
  return expect(talk, "234", "the answer to AUTH TLS")
end

function ftp.server(talk, o)
  talk:send("220 ", o.name or "localhost", " FTP ready\r\n")
  return talk:serve(function(line)
    local verb, rest = command(line)
    rest = rest:upper()
    if verb == "AUTH" and (rest == "TLS" or rest == "TLS-C" or rest == "SSL") then
      return "234 begin TLS negotiation", "tls"
    elseif verb == "AUTH" then
      return "504 only TLS"
    elseif verb == "FEAT" then
      return "211-features\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 end"
    elseif verb == "NOOP" then
      return "200 done"
    elseif verb == "QUIT" then
      return "221 bye", "left"
    end
    return "530 must issue AUTH TLS first"
  end)
end

return ftp
