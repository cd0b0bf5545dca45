--- A server answers a request with the right status.

local io_of = require 'runsmith.probe.io'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local MOST = 2 ^ 20 -- bytes of an answer that are looked at

--- @param url string
--- @return { scheme: string, host: string, port: integer, target: string,
---   name: string }? parts
--- @return string? why
function M.parse(url)
  local scheme, authority, target = url:match '^(%a+)://([^/?#]+)([^#]*)'
  if not scheme then return nil, ('%s is no URL'):format(url) end
  scheme = scheme:lower()
  if scheme ~= 'http' and scheme ~= 'https' then
    return nil, scheme .. ': only http and https are spoken'
  end
  local host, port = authority:match '^%[(.-)%]:?(%d*)$'
  if not host then
    host, port = authority:match '^([^:@]+):?(%d*)$'
  end
  if not host then return nil, ('%s is no host and port'):format(authority) end
  if target:sub(1, 1) ~= '/' then target = '/' .. target end
  port = tonumber(port) or scheme == 'https' and 443 or 80
  return {
    scheme = scheme, host = host, port = port, target = target, name = authority,
  }
end

local function request(parts, headers)
  local lines = { ('GET %s HTTP/1.1'):format(parts.target) }
  local given = { host = parts.name, ['user-agent'] = 'runsmith', accept = '*/*' }
  for name, value in pairs(headers or {}) do
    given[name:lower()] = tostring(value)
  end
  given.connection = 'close'
  local names = {}
  for name in pairs(given) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = ('%s: %s'):format(name, (given[name]:gsub('[\r\n]', ' ')))
  end
  return table.concat(lines, '\r\n') .. '\r\n\r\n'
end

-- The body out of its chunks, and whether the last was among them.
local function unchunked(bytes)
  local parts, at = {}, 1
  while true do
    local digits, from = bytes:match('^(%x+)[^\r\n]*\r\n()', at)
    local size = digits and tonumber(digits, 16)
    if not size then return table.concat(parts), false end
    if size == 0 then return table.concat(parts), true end
    parts[#parts + 1] = bytes:sub(from, from + size - 1)
    at = from + size + 2
  end
end

--- An answer as far as it has come: interim ones (1xx) are passed over.
--- @param bytes string
--- @return { status: integer, body: string, whole: boolean }? answer nil: not yet there
--- @return string? why it is none and never will be
function M.answer(bytes)
  local status, from = bytes:match '^HTTP/1%.%d (%d%d%d)[^\n]*\n()'
  if not status then
    local cut = bytes:sub(1, 9)
    if cut ~= ('HTTP/1.1 '):sub(1, #cut) and cut ~= ('HTTP/1.0 '):sub(1, #cut) then
      return nil, 'what it says is not HTTP'
    end
    return nil
  end
  local stop = bytes:find('\r?\n\r?\n', from - 2)
  if not stop then return nil end
  local body_at = select(2, bytes:find('\r?\n\r?\n', from - 2)) + 1
  local number = tonumber(status)
  if number < 200 and number ~= 101 then return M.answer(bytes:sub(body_at)) end
  local head, body = bytes:sub(from, stop):lower(), bytes:sub(body_at)
  local length = tonumber(head:match '%f[^\n%z]content%-length:%s*(%d+)')
  if head:find '%f[^\n%z]transfer%-encoding:[^\n]*chunked' then
    local text, whole = unchunked(body)
    return { status = number, body = text, whole = whole }
  end
  local whole = length ~= nil and #body >= length
  if length then body = body:sub(1, length) end
  return { status = number, body = body, whole = whole }
end

-- Reads until `enough(bytes)`, the end, or too much.
local function read(stream, enough)
  local chunks, ended, ticket, failed = {}, false, nil, nil
  stream:read_start(function(err, chunk)
    failed = failed or err
    if chunk then
      chunks[#chunks + 1] = chunk
    else
      ended = true
    end
    if ticket then schedule.wake(ticket) end
  end)
  while true do
    local bytes = table.concat(chunks)
    if ended or #bytes >= MOST or enough(bytes) then return bytes, failed end
    chunks = { bytes }
    ticket = schedule.ticket()
    schedule.suspend(ticket)
  end
end

local function judge(spec, answer)
  local wanted = spec.status or 200
  if answer.status ~= wanted then
    return false, ('status %d, not %d'):format(answer.status, wanted)
  end
  if spec.contains and not answer.body:find(spec.contains, 1, true) then
    return false, ('no %q in its answer'):format(spec.contains)
  end
  return true, ('status %d'):format(answer.status)
end

local function judge_bytes(spec, bytes, failed)
  local answer, why = M.answer(bytes)
  if answer then return judge(spec, answer) end
  return false, why or failed and tostring(failed) or 'it hung up without an answer'
end

-- As much of the body as is looked at.
local function begin_of(answer)
  local parts, size = {}, 0
  while size < MOST do
    local bytes = answer:read()
    if not bytes then break end
    parts[#parts + 1] = bytes
    size = size + #bytes
  end
  answer:close()
  return table.concat(parts)
end

local function check_secure(spec, parts)
  local answer, why = require('std.http').request {
    url = spec.url, headers = spec.headers, ca = spec.ca, insecure = spec.insecure,
    stream = true, redirects = 0, fresh = true,
  }
  if not answer then return io_of.bad(parts.name, why) end
  local body = spec.contains and begin_of(answer) or ''
  answer:close()
  return judge(spec, { status = answer.status, body = body })
end

--- @param spec { url: string, status?: integer, headers?: table, contains?: string,
---   ca?: string, insecure?: boolean }
function M.check(spec)
  local parts, why = M.parse(spec.url)
  if not parts then return nil, why end
  if parts.scheme == 'https' then return check_secure(spec, parts) end
  local stream, err = io_of.connect(parts.host, parts.port)
  if not stream then return io_of.bad(parts.name, err) end
  err = io_of.await(function(callback)
    return stream:write(request(parts, spec.headers), callback)
  end)
  if err then return io_of.bad(parts.name, err) end
  local bytes, failed = read(stream, function(bytes)
    local answer, none = M.answer(bytes)
    return none or answer and (not spec.contains or answer.whole)
  end)
  if not stream:is_closing() then stream:close() end
  return judge_bytes(spec, bytes, failed)
end

return M
