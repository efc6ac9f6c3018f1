--- SMTP: STARTTLS ([RFC 3207](https://www.rfc-editor.org/rfc/rfc3207)).
-- @module urlsock.starttls.smtp

local address = require "urlsock.starttls.address"
local command = require("urlsock.starttls.talk").command

local smtp = { options = { name = true, greeted = true, optional = true } }

--- A reply: its code, and the texts of its lines (RFC 5321, section 4.2.1). Every line of it
-- bears the same code; the last one has no hyphen behind it.
local function reply(talk, what)
  local code, texts = nil, {}
  repeat
    local line = talk:line(what)
    if not line then return nil end
    local digits, mark, text = line:match "^([2-5][0-5]%d)([ -]?)(.*)$"
    if not digits or digits ~= (code or digits) or (mark == "" and text ~= "") then
      return talk:wrong(what, line)
    end
    code = digits
    texts[#texts + 1] = text
  until mark ~= "-"
  return code, texts
end

--- The texts of a reply that has to have that code.
local function expect(talk, wanted, what)
  local code, texts = reply(talk, what)
  if not code then return nil end
  if code ~= wanted then return talk:wrong(what, code .. " " .. texts[#texts]) end
  return texts
end

--- Is the keyword among the lines of an answer to EHLO? The first of them is a name
-- (RFC 5321, section 4.1.1.1), and STARTTLS has no parameters (RFC 3207, section 3).
local function offers(texts)
  for i = 2, #texts do
    if texts[i]:upper():match "^STARTTLS%s*$" then return true end
  end
  return false
end

local function client(hello)
  return function(talk, o)
    if not o.greeted and not expect(talk, "220", "the greeting") then return nil end
    talk:ask(hello, " ", o.name or address(talk.stream), "\r\n")
    local texts = expect(talk, "250", "the answer to " .. hello)
    if not texts then return nil end
    if not offers(texts) then return talk:absent() end
    talk:ask "STARTTLS\r\n"
    -- RFC 3207, section 4: 220 it begins, 454 not now, 501 no parameters
    return expect(talk, "220", "the answer to STARTTLS") and true
  end
end

--- RFC 3207, section 4: before TLS, only NOOP, EHLO, STARTTLS and QUIT do anything.
local function server(hello, banner)
  return function(talk, o)
    local name = o.name or "localhost"
    local answers = {
      [hello] = ("250-%s\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES"):format(name),
      NOOP = "250 2.0.0 OK",
      RSET = "250 2.0.0 OK",
    }
    if hello == "EHLO" then answers.HELO = "250 " .. name end
    talk:send("220 ", name, " ", banner, "\r\n")
    return talk:serve(function(line)
      local verb, rest = command(line)
      if verb == "STARTTLS" then
        if rest ~= "" then return "501 5.5.4 STARTTLS takes no parameters" end
        return "220 2.0.0 Ready to start TLS", "tls"
      elseif verb == "QUIT" then
        return "221 2.0.0 Bye", "left"
      elseif verb == "BDAT" then
        -- RFC 3030: what follows are no commands, and nobody has agreed to take it
        return "421 4.7.0 Must issue a STARTTLS command first", "the client sent BDAT in the clear"
      end
      return answers[verb] or "530 5.7.0 Must issue a STARTTLS command first"
    end)
  end
end

--- The same dialogue with another hello; for LMTP.
function smtp.spoken(hello, banner)
  return { options = smtp.options, client = client(hello), server = server(hello, banner) }
end

smtp.client, smtp.server = client "EHLO", server("EHLO", "ESMTP")

return smtp
