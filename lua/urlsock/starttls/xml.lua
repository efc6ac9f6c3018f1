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

--- Does text end inside a quoted value?
local function open_quote(text)
  local at = 1
  while true do
    local first, _, quote = text:find("([\"'])", at)
    if not first then return false end
    local last = text:find(quote, first + 1, true)
    if not last then return true end
    at = last + 1
  end
end

--- What stands between < and >; a > in quotes is part of a value.
local function inside(self, what)
  local text = self.talk:upto(">", what)
  while text and open_quote(text) do
    local more = self.talk:upto(">", what)
    if not more then return nil end
    text = text .. ">" .. more
  end
  return text
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
