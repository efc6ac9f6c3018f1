--- send and receive as LuaSocket has them, over a stream of ours.
-- @module urlsock.luasocket.bytes

local base = require "urlsock.luasocket.base"
local words = require "urlsock.luasocket.words"

local bytes = {}

local BLOCK = 65536 -- bytes that are read or written at a time
local LOOK = 512 -- bytes in which a line's end is sought at a time

--- Reads or peeks 1 to n bytes, within the time that is left.
-- @treturn[1] string
-- @treturn[2] nil, word, code
local function some(self, how, n)
  local s = self.socket
  if not s then return nil, "closed", "closed" end
  s:settimeout(base.left(self))
  local data, message, code = s[how](s, n)
  if data then
    if how == "read" then self.received = self.received + #data end
    return data
  end
  return nil, self.word(message, code, "read"), code
end

-- Each of the three adds to parts, and returns the word where it fails.

--- A line without its end, and without any CR, as LuaSocket has it.
local function line(self, parts)
  while true do
    local seen, word = some(self, "peek", LOOK)
    if not seen then return word end
    local at = seen:find("\n", 1, true)
    local taken = some(self, "read", -(at or #seen))
    parts[#parts + 1] = (taken:gsub("[\r\n]", ""))
    if at then return end
  end
end

--- Exactly n bytes; for none it waits until there is one, as LuaSocket does.
local function exactly(self, parts, n)
  if n == 0 then
    local _, word = some(self, "peek", 1)
    return word
  end
  while n > 0 do
    local data, word = some(self, "read", -math.min(n, BLOCK))
    if not data then return word end
    parts[#parts + 1] = data
    n = n - #data
  end
end

--- Everything up to the end that the peer announced; an end that is none is a failure.
local function everything(self, parts)
  local first = #parts
  while true do
    local data, word, code = some(self, "read", -BLOCK)
    if not data then
      if code == "eof" and #parts > first then return end
      return word
    end
    parts[#parts + 1] = data
  end
end

--- `receive([pattern [, prefix]])`: the item; or nil, a word and what came.
function bytes.receive(self, pattern, prefix)
  prefix = prefix == nil and "" or base.string(prefix, 2, "receive")
  local n = tonumber(pattern)
  local word
  local parts = { prefix }
  base.start(self)
  if n then
    n = math.floor(n)
    if n < 0 then error("bad argument #1 to 'receive' (invalid receive pattern)", 3) end
    if #prefix == 0 or n > #prefix then word = exactly(self, parts, math.max(n - #prefix, 0)) end
  else
    local letters = (pattern == nil and "*l" or base.string(pattern, 1, "receive")):sub(1, 2)
    if letters == "*l" then
      word = line(self, parts)
    elseif letters == "*a" then
      word = everything(self, parts)
    else
      error("bad argument #1 to 'receive' (invalid receive pattern)", 3)
    end
  end
  local item = table.concat(parts)
  if word then return nil, word, item end
  return item, nil, nil
end

--- The first and last byte that i and j mean.
local function range(size, i, j)
  i, j = i or 1, j or -1
  if i < 0 then i = size + i + 1 end
  if j < 0 then j = size + j + 1 end
  return math.max(i, 1), math.min(j, size)
end

--- `send(data [, i [, j]])`: the last byte sent; or nil, a word and the last byte sent.
function bytes.send(self, data, i, j)
  data = base.string(data, 1, "send")
  local at, last = range(#data, i, j)
  base.start(self)
  while at <= last do
    local s = self.socket
    if not s then return nil, "closed", at - 1 end
    local stop = self.block < 0 and last or math.min(last, at + BLOCK - 1)
    s:settimeout(base.left(self))
    local ok, message, code, count = s:write(data:sub(at, stop))
    local taken = ok and stop - at + 1 or count or 0
    self.sent, at = self.sent + taken, at + taken
    -- a blocking time-out counts from the last byte that went
    if not ok and (code ~= "timeout" or taken == 0 or self.total >= 0) then
      return nil, self.word(message, code, "write"), at - 1
    end
  end
  return at - 1, nil, nil
end

--- Bytes received, bytes sent, age in seconds.
function bytes.getstats(self)
  return self.received, self.sent, require("urlsock").now() - self.born
end

function bytes.setstats(self, received, sent, age)
  self.received, self.sent = received or self.received, sent or self.sent
  if age then self.born = require("urlsock").now() - age end
  return 1
end

--- What objects need for these functions.
bytes.word = words.of

return bytes
