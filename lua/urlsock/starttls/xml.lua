--- The tags of an XML stream, one at a time and never a byte further.
--
-- Only what XMPP allows ([RFC 6120](https://www.rfc-editor.org/rfc/rfc6120), section 11.1): no
-- comments, no processing instructions, no document types, no CDATA.
-- @module urlsock.starttls.xml

local xml = {}
xml.__index = xml

--- The deepest that elements may stand in each other.
local DEPTH = 16

--- A reader of a talk.
function xml.new(talk)
  return setmetatable({ talk = talk, depth = 0, scopes = { [0] = {} }, names = {} }, xml)
end

--- Fails with the tag that was read last.
function xml:wrong()
  return self.talk:wrong(self.what, "<" .. self.text .. ">")
end

--- The quote that is open behind a piece of a tag, where that one was open before it.
local function open_quote(piece, quote)
  local at = 1
  while true do
    if quote then
      local last = piece:find(quote, at, true)
      if not last then return quote end
      at = last + 1
    end
    local first, _, found = piece:find("([\"'])", at)
    if not first then return nil end
    at, quote = first + 1, found
  end
end

--- What stands between < and >; a > in quotes is part of a value. Each piece is looked at once, for
-- a stranger says how many there are.
local function inside(self, what)
  local pieces, quote = {}, nil
  repeat
    local piece = self.talk:upto(">", what)
    if not piece then return nil end
    pieces[#pieces + 1] = piece
    quote = open_quote(piece, quote)
  until not quote
  return table.concat(pieces, ">")
end

--- The attributes in text; nil where there is something else in it.
local function attributes(text)
  local t, at = {}, 1
  while true do
    local name, _, value, next_ = text:match("^%s+([%w_:.-]+)%s*=%s*([\"'])(.-)%2()", at)
    if not name then break end
    if t[name] or value:find("<", 1, true) then return nil end
    t[name], at = value, next_
  end
  if text:find("%S", at) then return nil end
  return t
end

--- The namespace of a name in a scope, and its local part.
local function resolved(scope, name)
  local prefix, part = name:match "^([^:]*):([^:]*)$"
  return scope[prefix or ""], part or name
end

local function closing(self, name)
  if self.depth == 0 or self.names[self.depth] ~= name then return self:wrong() end
  local space, part = resolved(self.scopes[self.depth], name)
  self.depth = self.depth - 1
  return { kind = "close", space = space, name = part, depth = self.depth + 1 }
end

local function opening(self, name, rest)
  local empty = rest:sub(-1) == "/"
  local given = attributes(empty and rest:sub(1, -2) or rest)
  if not given or self.depth == DEPTH then return self:wrong() end
  local scope = setmetatable({}, { __index = self.scopes[self.depth] })
  for key, value in pairs(given) do
    if key == "xmlns" then
      scope[""] = value
    elseif key:match "^xmlns:" then
      scope[key:sub(7)] = value
    end
  end
  local space, part = resolved(scope, name)
  local tag = { kind = empty and "empty" or "open", space = space, name = part,
    attributes = given, depth = self.depth + 1 }
  if not empty then
    self.depth = self.depth + 1
    self.scopes[self.depth], self.names[self.depth] = scope, name
  end
  return tag
end

--- The next tag: its kind (open, close, empty), namespace, name, attributes and depth.
-- Between the children of the stream itself, only blanks may stand.
function xml:tag(what)
  self.what, self.text = what, ""
  local before = self.talk:upto("<", what)
  if not before then return nil end
  if self.depth < 2 and before:find "%S" then return self.talk:wrong(what, before) end
  local text = inside(self, what)
  if not text then return nil end
  if not self.begun then
    self.begun = true
    if text:match "^%?xml%s[^<]*%?$" then return self:tag(what) end
  end
  self.text = text
  local name = text:match "^/([%w_:.-]+)%s*$"
  if name then return closing(self, name) end
  local rest
  name, rest = text:match "^([%a_][%w_:.-]*)(.*)$"
  if not name then return self:wrong() end
  return opening(self, name, rest)
end

return xml
