--- URLs: taking them apart, and what is written with percent signs.

local M = {}

local PORTS = { http = 80, https = 443 }

--- @class std.http.Url
--- @field scheme 'http'|'https'
--- @field host string without brackets
--- @field port integer
--- @field authority string as Host says it
--- @field target string path and query

local function split(authority)
  local host, port = authority:match '^%[([%x:.]+)%]:?(%d*)$'
  if host then return host, port end
  return authority:match '^([^:@%s%[%]]+):?(%d*)$'
end

--- @param text string
--- @return std.http.Url? url, string? why
function M.parse(text)
  local scheme, authority, target = text:match '^(%a+)://([^/?#]+)([^#]*)'
  if not scheme then return nil, text .. ' is no URL' end
  scheme = scheme:lower()
  if not PORTS[scheme] then return nil, scheme .. ': only http and https are spoken' end
  local host, port = split(authority)
  if not host then return nil, authority .. ' is no host and port' end
  if target:find '[%z\1-\32\127]' then
    return nil, 'a URL has no spaces nor controls'
  end
  if target:sub(1, 1) ~= '/' then target = '/' .. target end
  return {
    scheme = scheme, host = host, port = tonumber(port) or PORTS[scheme],
    authority = authority, target = target,
  }
end

--- Where a Location leads, seen from a URL.
--- @param base std.http.Url
--- @param location string
--- @return string
function M.resolve(base, location)
  if location:find '^%a+://' then return location end
  if location:find '^//' then return base.scheme .. ':' .. location end
  local root = ('%s://%s'):format(base.scheme, base.authority)
  if location:find '^/' then return root .. location end
  local path = base.target:match '^[^?]*'
  if location:find '^%?' then return root .. path .. location end
  return root .. path:match '^.*/' .. location
end

--- @param text string
--- @return string? # nil: a percent sign without its two digits
function M.decode(text)
  if not text:find('%', 1, true) then return text end
  local good = true
  local plain = text:gsub('%%(%x?%x?)', function(digits)
    if #digits ~= 2 then
      good = false
      return ''
    end
    return string.char(tonumber(digits, 16))
  end)
  return good and plain or nil
end

--- @param text string
--- @return string
function M.encode(text)
  return (text:gsub('[^%w%-._~]', function(c) return ('%%%02X'):format(c:byte()) end))
end

--- Name → value of a query, or of a form. Of a name that comes twice, the last counts.
--- @param text string
--- @return table<string, string>
function M.query(text)
  local found = {}
  for part in text:gmatch '[^&]+' do
    local name, value = part:match '^([^=]*)=?(.*)$'
    name, value = M.decode((name:gsub('+', ' '))), M.decode((value:gsub('+', ' ')))
    if name and value and name ~= '' then found[name] = value end
  end
  return found
end

return M
