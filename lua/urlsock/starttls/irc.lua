--- IRC: STARTTLS ([IRCv3 tls](https://ircv3.net/specs/deprecated/tls)).
-- @module urlsock.starttls.irc

local command = require("urlsock.starttls.talk").command

local irc = { options = {} }

--- A message's command and the rest of it (RFC 1459, section 2.3.1).
local function message(line)
  local verb, rest = line:gsub("^:%S+ +", ""):match "^(%S+) *(.*)$"
  return verb and verb:upper(), rest
end

--- The next message that matters. Servers chat before registration: notices are passed over, and
-- a PING is answered.
local function next_message(talk, what)
  while true do
    local line = talk:line(what)
    if not line then return nil end
    local verb, rest = message(line)
    if verb == "PING" then
      talk:send("PONG ", rest, "\r\n")
    elseif verb ~= "NOTICE" then
      return verb or "", rest, line
    end
  end
end

--- Is tls among the capabilities? Servers that do not know CAP may be silent, but not to a PING.
local function offered(talk)
  local what = "the answer to CAP LS"
  talk:send "CAP LS\r\nPING :tls\r\n"
  local verb, rest, line = next_message(talk, what)
  if not verb then return nil end
  if verb == "PONG" or verb:match "^4%d%d$" then return false end
  local list = verb == "CAP" and (rest:match "^%S+ LS :(.*)$" or rest:match "^%S+ LS (%S+)$")
  if not list then return talk:wrong(what, line) end
  return (" " .. list .. " "):find "[ ]tls[ =]" ~= nil
end

function irc.client(talk)
  local what = "the answer to STARTTLS"
  local found = offered(talk)
  if found == nil then return nil end
  if not found then return talk:absent() end
  -- what was learned here is forgotten: registration, and CAP with it, begins under TLS
  talk:send "CAP END\r\nSTARTTLS\r\n"
  local verb, rest, line = next_message(talk, what)
  -- the PING may have been answered meanwhile, if only by "not registered"
  if verb == "PONG" or (verb == "451" and not rest:find "STARTTLS") then
    verb, rest, line = next_message(talk, what)
  end
  if verb == "670" then return true end -- RPL_STARTTLS
  return verb and talk:wrong(what, line or rest) -- 691 is ERR_STARTTLS
end

function irc.server(talk, o)
  local name = o.name or "localhost"
  local function say(...) return (":%s "):format(name) .. table.concat { ... } end
  return talk:serve(function(line)
    local verb, rest = command(line)
    if verb == "STARTTLS" then
      return say "670 * :STARTTLS successful, proceed with TLS handshake", "tls"
    elseif verb == "CAP" then
      local sub = rest:upper():match "^%u+"
      if sub == "END" then return nil end
      return say("CAP * ", sub == "LS" and "LS :tls" or "NAK :" .. rest:gsub("^%S+ *:?", ""))
    elseif verb == "PING" then
      return say("PONG ", name, " ", rest)
    elseif verb == "QUIT" then
      return "ERROR :bye", "left"
    end
    return say "451 * :must issue STARTTLS first"
  end)
end

return irc
