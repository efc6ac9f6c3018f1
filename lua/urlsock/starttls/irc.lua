--- IRC: STARTTLS ([IRCv3 tls](https://ircv3.net/specs/deprecated/tls)).
-- @module urlsock.starttls.irc

local command = require("urlsock.starttls.talk").command

local irc = { options = {} }

--- A message's command and the rest of it (RFC 1459, section 2.3.1).
local function message(line)
  local verb, rest = line:gsub("^:%S+ +", ""):match "^(%S+) *(.*)$"
  return verb and verb:upper(), rest
end

--- Servers chat before registration: notices are passed over, and a PING is answered.
function irc.client(talk)
  local what = "the answer to STARTTLS"
  talk:send "STARTTLS\r\n"
  while true do
    local line = talk:line(what)
    if not line then return nil end
    local verb, rest = message(line)
    if verb == "670" then return true end -- RPL_STARTTLS
    if verb == "PING" then
      talk:send("PONG ", rest, "\r\n")
    elseif verb ~= "NOTICE" then
      return talk:wrong(what, line) -- 691 is ERR_STARTTLS
    end
  end
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
