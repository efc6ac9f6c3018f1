--- One side of a dialogue in the clear: lines and bytes, one deadline, and why it failed.
--
-- Its methods answer with a value, or with nil when the talk has failed. The first cause is kept,
-- and whatever is called after it does nothing: so a dialogue reads like its RFC.
-- @module urlsock.starttls.talk

local core = require "urlsock.core"
local loop = require "urlsock.loop"

local class, finish = core.stream, loop.finish

local talk = {}
talk.__index = talk

-- What one line, and all that is said in the clear, may be at most.
talk.LINE, talk.LINES, talk.BYTES = 8192, 256, 65536

-- How much of the peer's words a message shows.
local SHOWN = 160

--- A talk over a stream.
-- @tparam stream socket
-- @tparam string protocol
-- @tparam string peer `"client"` or `"server"`: the other side
-- @tparam ?number deadline
-- @tparam ?string host of the URL
function talk.new(socket, protocol, peer, deadline, host)
  return setmetatable({
    stream = socket, protocol = protocol, peer = peer, deadline = deadline, host = host,
    lines = 0, bytes = 0, offers = true,
  }, talk)
end

--- Words of the peer as a message may show them: one line, printable, not too long.
function talk.quoted(words)
  local line = words:match("^[^\r\n]*"):gsub("[^ -~]", ".")
  return #line > SHOWN and line:sub(1, SHOWN) .. "..." or line
end

--- Fails: nil, always. The first cause is kept.
function talk:fail(code, format, ...)
  if not self.code then
    self.code = code
    self.message = ("starttls %s: "):format(self.protocol) .. format:format(...)
  end
  return nil
end

--- Fails: the peer said something other than what was due.
-- @tparam string what was due, such as "the answer to EHLO"
-- @tparam string words
function talk:wrong(what, words)
  return self:fail("starttls", "%s was '%s'", what, talk.quoted(words))
end

--- Fails: the server has said that it does not do TLS. This alone may be `optional`.
function talk:absent()
  if not self.code then self.offers = false end
  return self:fail("starttls", "the server does not offer TLS")
end

--- Fails: the client goes without TLS.
function talk:left()
  return self:fail("starttls", "the client left without asking for TLS")
end

--- Runs a step of the stream within the deadline; nobody else may use the stream meanwhile.
local function run(self, step, what, ...)
  if self.code then return nil end
  local value, message, code =
    finish(class, step, self.stream, self.deadline, true, true, ...)
  if value then return value end
  if code == "timeout" then
    return self:fail(code, "timed out waiting for %s", what)
  elseif code == "limit" then
    return self:fail(code, "%s has more bytes than a dialogue may have", what)
  end
  local origin = class.origin(self.stream) .. ": "
  if message:sub(1, #origin) == origin then message = message:sub(#origin + 1) end
  if step ~= "write" then message = what .. ": " .. message end
  return self:fail(code, "%s", message)
end

--- Counts what was received.
local function count(self, data, what)
  if not data then return nil end
  self.bytes = self.bytes + #data
  if self.bytes > talk.BYTES then
    return self:fail("limit", "%s goes beyond %d bytes in the clear", what, talk.BYTES)
  end
  return data
end

--- A line without its end, which has to be CRLF; control bytes are an error.
-- @tparam string what it is, for messages
function talk:line(what)
  if self.lines >= talk.LINES then
    return self:fail("limit", "%s goes beyond %d lines in the clear", what, talk.LINES)
  end
  self.lines = self.lines + 1
  local line = count(self, run(self, "readuntil", what, "\n", talk.LINE), what)
  if not line then return nil end
  local text = line:match "^(.*)\r$"
  if not text or text:find "[^%C\t]" then return self:wrong(what, line) end
  return text
end

--- Exactly so many bytes.
function talk:take(n, what)
  if n > talk.LINE then
    return self:fail("limit", "%s has %d bytes, more than a dialogue may have", what, n)
  end
  return count(self, n == 0 and "" or run(self, "read", what, n), what)
end

--- What comes before a delimiter, which is taken too.
function talk:upto(delimiter, what)
  return count(self, run(self, "readuntil", what, delimiter, talk.LINE), what)
end

--- Sends.
function talk:send(...)
  return run(self, "write", "the peer to read", ...)
end

--- Says something before the end, also when the talk has failed; what comes of it does not matter.
function talk:last_words(...)
  finish(class, "write", self.stream, self.deadline, true, true, ...)
end

--- What has arrived and nobody has read, at most 64 bytes of it; nil where there is nothing.
function talk:waiting()
  if self.code then return nil end
  return class.peek(self.stream, 64) or nil
end

--- Sends a question, if nothing has answered it already: an answer that comes before its question
-- is somebody's who does not know the question.
function talk:ask(...)
  local early = self:waiting()
  if early then
    return self:fail("injected", "an answer came before the question: '%s'", talk.quoted(early))
  end
  return self:send(...)
end

--- Is nothing pipelined behind the client's request? A ClientHello may be: a record of type 22 and
-- major version 3. The handshake looks closer, but that is behind the go-ahead.
function talk:alone()
  local early = self:waiting()
  if early and early:sub(1, 2) ~= ("\22\3"):sub(1, #early) then
    return self:fail("injected", "the client sent '%s' in the clear behind its request",
      talk.quoted(early))
  end
  return not self.code
end

--- Lines up to one that is a dot, without their dot-stuffing (RFC 1939, section 3; RFC 3977,
-- section 3.1.1), as a set of their first words in capitals.
function talk:list(what)
  local set = {}
  while true do
    local line = self:line(what)
    if not line then return nil end
    if line == "." then return set end
    local word = line:gsub("^%.", ""):match "^%S+"
    if word then set[word:upper()] = true end
  end
end

--- Serves commands, a line each, until one of them begins TLS.
-- @tparam function answer of a line: what is to be said, without its last CRLF; and how it goes
-- on: `"tls"`, or `"left"`, or a refusal's code with a message
-- @treturn ?boolean true when TLS is to begin
function talk:serve(answer)
  while not self.code do
    local line = self:line "a command"
    if not line then return nil end
    local words, next_ = answer(line)
    if next_ == "tls" and not self:alone() then return nil end
    if words then self:send(words, "\r\n") end
    if next_ == "tls" then return not self.code or nil end
    if next_ == "left" then return self:left() end
    if next_ then return self:fail("starttls", "%s", next_) end
  end
end

--- The first word of a line in capitals, and the rest.
function talk.command(line)
  local verb, rest = line:match "^(%S*) ?(.*)$"
  return verb:upper(), rest
end

return talk
