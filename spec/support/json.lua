-- A reader of flat JSON objects, a line each: strings, numbers, lists of strings.
local json = {}

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64,
    0x80 + code % 64)
end

local short = { n = "\n", r = "\r", t = "\t", b = "\b", f = "\f" }

local function unescape(s)
  s = s:gsub("\\(.)(%x?%x?%x?%x?)", function(c, hex)
    if c == "u" then return utf8(tonumber(hex, 16)) end
    return (short[c] or c) .. hex
  end)
  return s
end

--- Takes a string off the front; "" begins with its quote.
local function take_string(s)
  local i = 2
  while s:sub(i, i) ~= '"' do
    i = i + (s:sub(i, i) == "\\" and 2 or 1)
  end
  return unescape(s:sub(2, i - 1)), s:sub(i + 1)
end

local function take_value(s)
  if s:sub(1, 1) == '"' then return take_string(s) end
  if s:sub(1, 1) == "[" then
    local list = {}
    s = s:sub(2)
    while s:sub(1, 1) ~= "]" do
      list[#list + 1], s = take_string(s)
      s = s:gsub("^,%s*", "")
    end
    return list, s:sub(2)
  end
  local number = s:match "^-?%d+"
  return tonumber(number), s:sub(#number + 1)
end

function json.line(s)
  local object = {}
  s = s:gsub("^{%s*", "")
  while s:sub(1, 1) ~= "}" do
    local key, rest = take_string(s)
    s = rest:gsub("^:%s*", "")
    object[key], s = take_value(s)
    s = s:gsub("^,%s*", "")
  end
  return object
end

return json
