--- Telnet: the option START_TLS
-- ([draft-altman-telnet-starttls-02](https://tools.ietf.org/html/draft-altman-telnet-starttls-02)).
-- @module urlsock.starttls.telnet

local telnet = { options = {} }

local IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
local START_TLS, FOLLOWS = 46, 1
local FOLLOWS_SE = string.char(IAC, SB, START_TLS, FOLLOWS, IAC, SE)

--- A command: its byte, its option, and what a subnegotiation says. RFC 854: IAC, a command, an
-- option. Anything else is data, which has no place before TLS.
local function command(talk, what)
  local start = talk:take(2, what)
  if not start then return nil end
  local iac, verb = start:byte(1, 2)
  if iac ~= IAC or verb < SB or verb == IAC then
    return talk:wrong(what, start .. (talk:waiting() or ""))
  end
  local option = talk:take(1, what)
  if not option then return nil end
  if verb ~= SB then return verb, option:byte() end
  -- RFC 855: up to IAC SE; an IAC in between would be doubled
  local body = talk:upto(string.char(IAC, SE), what)
  return body and verb, option:byte(), body
end

--- Both sides: agree to the option, and say FOLLOWS to each other; nothing may be sent behind that
-- but TLS. Other options get no answer: all that was negotiated in the clear is forgotten.
local function agree(talk, what, yes, no, follows)
  local agreed = false
  while true do
    local verb, option, body = command(talk, what)
    if not verb then return nil end
    if verb == SB then
      if option ~= START_TLS or body ~= string.char(FOLLOWS) or not agreed then
        return talk:wrong(what, body)
      end
      return true
    elseif option == START_TLS then
      if verb == no then return talk:absent() end
      if verb ~= yes then return talk:wrong(what, "WILL and DO, the wrong way round") end
      if not agreed then talk:send(follows) end
      agreed = true
    end
  end
end

--- FOLLOWS goes out with WILL: a server that reads ahead would take a ClientHello that comes right
-- behind a later one for a part of the negotiation.
function telnet.client(talk)
  talk:send(string.char(IAC, WILL, START_TLS), FOLLOWS_SE)
  return agree(talk, "the answer to WILL START_TLS", DO, DONT, "")
end

function telnet.server(talk)
  talk:send(string.char(IAC, DO, START_TLS))
  if not agree(talk, "the answer to DO START_TLS", WILL, WONT, FOLLOWS_SE) then
    if not talk.offers then talk.message = "starttls telnet: the client does not do TLS" end
    return nil
  end
  return talk:alone()
end

return telnet
