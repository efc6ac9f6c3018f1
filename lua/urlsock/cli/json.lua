--- Tables as JSON ([RFC 8259](https://www.rfc-editor.org/rfc/rfc8259)); only to write.
-- @module urlsock.cli.json

local json = {}

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- The sequences of UTF-8 beyond ASCII
-- ([RFC 3629, section 4](https://www.rfc-editor.org/rfc/rfc3629#section-4)).
local sequences = {
  "^[\194-\223][\128-\191]", "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]", "^\237[\128-\159][\128-\191]",
  "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]",
  "^\244[\128-\143][\128-\191][\128-\191]",
}

local function escaped(byte)
  return escapes[byte] or ("\\u%04x"):format(byte:byte())
end

--- A text of strangers: what is no UTF-8 becomes the character with the number of the byte.
local function string(text)
  local out, i = {}, 1
  while i <= #text do
    local plain = text:match("^[ !#-Z%[%]^-~]+", i)
    for k = 1, plain and 0 or #sequences do
      plain = plain or text:match(sequences[k], i)
    end
    out[#out + 1] = plain or escaped(text:sub(i, i))
    i = i + (plain and #plain or 1)
  end
  return '"' .. table.concat(out) .. '"'
end

local function list(t)
  local out = {}
  for i, v in ipairs(t) do out[i] = json.encode(v) end
  return "[" .. table.concat(out, ",") .. "]"
end

local function object(t)
  local keys, out = {}, {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do out[i] = string(key) .. ":" .. json.encode(t[key]) end
  return "{" .. table.concat(out, ",") .. "}"
end

--- A value: nil, boolean, number (whole ones only), string, list or table with strings for keys,
-- whose keys come sorted. An empty table is a list: of facts, only lists can be empty.
-- @treturn string
function json.encode(v)
  local kind = type(v)
  if kind == "string" then return string(v) end
  if kind == "number" then return ("%.0f"):format(v) end
  if kind == "table" then return ((#v > 0 or next(v) == nil) and list or object)(v) end
  return v == nil and "null" or tostring(v)
end

return json
