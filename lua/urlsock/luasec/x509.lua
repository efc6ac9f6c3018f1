--- A certificate, as LuaSec shows it and as far as libtls tells of it.
-- @module urlsock.luasec.x509

local x509 = {}
local certificate = {}
certificate.__index = certificate

local UNKNOWN = "libtls does not tell this of the certificate"

local long = {
  CN = { "commonName", "2.5.4.3" }, C = { "countryName", "2.5.4.6" },
  L = { "localityName", "2.5.4.7" }, ST = { "stateOrProvinceName", "2.5.4.8" },
  O = { "organizationName", "2.5.4.10" }, OU = { "organizationalUnitName", "2.5.4.11" },
  emailAddress = { "emailAddress", "1.2.840.113549.1.9.1" },
}

--- The parts of a name in OpenSSL's one line: `/C=XX/CN=name`.
local function parts(line)
  if not line then return nil, UNKNOWN end
  local list = {}
  for text in (line .. "/"):gmatch "(.-)/" do
    local short, value = text:match "^([%a.%d]+)=(.*)$"
    if short then
      local names = long[short] or { short }
      list[#list + 1] = { name = names[1], oid = names[2], value = value }
    elseif #list > 0 then -- a slash of the value's own
      list[#list].value = list[#list].value .. "/" .. text
    end
  end
  return list
end

function certificate:subject() return parts(self.facts.subject) end
function certificate:issuer() return parts(self.facts.issuer) end
function certificate:pem() return self.text end

function certificate:serial()
  if not self.facts.serial then return nil, UNKNOWN end
  return self.facts.serial:upper()
end

--- Only `"sha256"`.
function certificate:digest(algorithm)
  if (algorithm or "sha1"):lower() ~= "sha256" then return nil, "only sha256 is available" end
  local hash = self.facts.hash
  if not hash then return nil, UNKNOWN end
  return (hash:gsub("^SHA256:", ""):lower())
end

local function date(seconds)
  if not seconds then return nil, UNKNOWN end
  local t = os.date("!*t", seconds)
  return ("%s %2d %02d:%02d:%02d %d GMT"):format(os.date("!%b", seconds), t.day, t.hour, t.min,
    t.sec, t.year)
end

function certificate:notbefore() return date(self.facts.notbefore) end
function certificate:notafter() return date(self.facts.notafter) end

--- Is it valid at that time, in seconds?
function certificate:validat(seconds)
  local from, to = self.facts.notbefore, self.facts.notafter
  if not from or not to then return nil, UNKNOWN end
  return from <= seconds and seconds <= to
end

--- The names that it is for, where LuaSec has them.
function certificate:extensions()
  local names = { name = "X509v3 Subject Alternative Name", oid = "2.5.29.17" }
  for _, name in ipairs(self.facts.names or {}) do
    local is_address = name:find ":" or name:find "^%d+%.%d+%.%d+%.%d+$"
    local kind = is_address and "iPAddress" or "dNSName"
    names[kind] = names[kind] or {}
    table.insert(names[kind], name)
  end
  names.rfc822Name, names.uniformResourceIdentifier = self.facts.emails, self.facts.uris
  return { ["2.5.29.17"] = names }
end

function certificate.setencode() return true end
function certificate.pubkey() return nil, UNKNOWN end
certificate.issued, certificate.getsignaturename = certificate.pubkey, certificate.pubkey

--- The certificates of a chain in PEM; facts are known of the first.
function x509.list(pem, facts)
  local list = {}
  for text in pem:gmatch "%-%-%-%-%-BEGIN [^\n]*\n.-%-%-%-%-%-END [^\n]*\n" do
    list[#list + 1] = setmetatable({ text = text, facts = #list == 0 and facts or {} }, certificate)
  end
  return list
end

return x509
