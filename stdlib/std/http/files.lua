--- Files of a folder for a server. Names that begin with a dot are not there, nor is
--- what lies outside; a symbolic link leads wherever whoever made it wants.

local fs = require 'std.fs'
local host = require 'runsmith.host'
local job = require 'runsmith.vm.job'
local owned = require 'runsmith.vm.owned'
local response = require 'std.http.response'
local schedule = require 'runsmith.vm.schedule'
local url = require 'std.http.url'

local ID = require('runsmith.vm.task').ID

local M = {}

local KEPT_MAX = 256 * 2 ^ 10 -- bytes of a file that is kept in memory
local ALL_MAX = 16 * 2 ^ 20
local FRESH = 1 -- seconds until a kept file is looked at again
local PART = 64 * 2 ^ 10
local NAMES_MAX = 1000

local TYPES = {
  css = 'text/css; charset=utf-8', csv = 'text/csv; charset=utf-8',
  gif = 'image/gif', html = 'text/html; charset=utf-8', ico = 'image/x-icon',
  jpeg = 'image/jpeg', jpg = 'image/jpeg', js = 'text/javascript; charset=utf-8',
  json = 'application/json', md = 'text/plain; charset=utf-8', mp4 = 'video/mp4',
  pdf = 'application/pdf', png = 'image/png', svg = 'image/svg+xml',
  txt = 'text/plain; charset=utf-8', wasm = 'application/wasm', webp = 'image/webp',
  woff2 = 'font/woff2', xml = 'application/xml',
}

--- The name of a file in a folder for a path; nil: there can be none.
--- @param rest string after the route's own part, as it was sent
--- @return string?
function M.name(rest, index)
  local parts = {}
  for part in (rest .. '/'):gmatch '([^/]*)/' do
    local plain = url.decode(part)
    if not plain or plain:find '[/%z\\]' or plain:sub(1, 1) == '.' then return nil end
    parts[#parts + 1] = plain
  end
  if parts[#parts] == '' then parts[#parts] = index end
  for _, part in ipairs(parts) do
    if part == '' then return nil end
  end
  return table.concat(parts, '/')
end

local function type_of(name)
  local ending = name:match '%.(%w+)$'
  return ending and TYPES[ending:lower()] or 'application/octet-stream'
end

local opened = setmetatable({}, { __mode = 'k' }) -- task → the file that it reads

local function open(this, file, task, path)
  local why, fd = job.await(this, owned.luv().fs_open, path, 'r', 0)
  if why then return nil, why end
  if not task[ID] then return job.await(this, owned.luv().fs_close, fd) end
  file.fd = fd
  opened[task] = file
  return file
end

local function read(this, file)
  local uv = owned.luv()
  file.is_busy = true
  local why, bytes = job.await(this, uv.fs_read, file.fd, PART, -1)
  file.is_busy = false
  if file.is_left then uv.fs_close(file.fd) end
  return bytes, why
end

-- Whoever read it is gone: a read in progress closes it.
local function leave(task)
  local file = opened[task]
  if not file then return end
  opened[task] = nil
  if file.is_busy then
    file.is_left = true
  else
    owned.luv().fs_close(file.fd)
  end
end

schedule.at_finish(leave)

local function stream(path, answer)
  local task = schedule.current()
  local file = job.run(open, {}, task, path)
  if not file then return nil end
  repeat
    local bytes = job.run(read, file)
    if not bytes then -- the client sees that it is not whole
      answer.connection.keep_alive = false
      answer.is_chunked = false
      break
    end
    local ok = bytes == '' or answer:write(bytes)
  until bytes == '' or not ok
  leave(task)
  return true
end

local function forget(cache, name)
  local kept = cache.entries[name]
  if not kept then return end
  cache.entries[name] = nil
  cache.size = cache.size - kept.size
end

local function keep(cache, name, entry)
  if cache.size + entry.size > ALL_MAX then cache.entries, cache.size = {}, 0 end
  cache.entries[name] = entry
  cache.size = cache.size + entry.size
end

local function tag(stat)
  return ('"%x-%x-%x"'):format(stat.inode, stat.size, math.floor(stat.modified * 1000))
end

-- What is known of a file, and its text if it is small.
local function look(cache, name)
  local now, entry = host.now(), cache.entries[name]
  if entry and now < entry.fresh_until then return entry end
  local path = cache.folder .. '/' .. name
  local stat = fs.stat(path)
  if not stat or stat.kind ~= 'file' then
    forget(cache, name)
    return nil, stat and stat.kind
  end
  local etag = tag(stat)
  if entry and entry.etag == etag then
    entry.fresh_until = now + FRESH
    return entry
  end
  forget(cache, name)
  entry = { etag = etag, size = stat.size, path = path, type = type_of(name) }
  entry.lines = response.lines {
    etag = etag,
    ['last-modified'] = os.date('!%a, %d %b %Y %H:%M:%S GMT', stat.modified),
    ['content-type'] = entry.type, ['x-content-type-options'] = 'nosniff',
    ['cache-control'] = cache.control,
  }
  entry.fresh_until = now + FRESH
  if stat.size > KEPT_MAX then return entry end
  entry.text = fs.read(path, { max = KEPT_MAX })
  if not entry.text then return nil end
  entry.size = #entry.text
  keep(cache, name, entry)
  return entry
end

-- As M.name, which is asked the same again and again.
local function name_for(cache, rest)
  local name = cache.names[rest]
  if name then return name end
  name = M.name(rest, cache.index)
  if not name then return nil end
  if cache.named == NAMES_MAX then cache.names, cache.named = {}, 0 end
  cache.names[rest], cache.named = name, cache.named + 1
  return name
end

local function reply(entry, asked, answer)
  answer.lines = entry.lines
  if asked.headers['if-none-match'] == entry.etag then return answer:send('', 304) end
  if entry.text then return answer:send(entry.text) end
  if asked.method == 'HEAD' then return answer:write '' end
  if stream(entry.path, answer) then return end
  answer.lines = nil
  return answer:send('404 Not Found\n', 404)
end

--- A handler that answers with files of a folder. The route ends in a *:
---
--- ```lua
--- local http = require 'std.http'
---
--- local server = assert(http.listen {
---   port = 0,
---   routes = { ['GET /static/*'] = http.files '.' },
--- })
--- assert(http.get(server.url .. '/static/nothing').status == 404)
--- server:close(0)
--- ```
---
--- @param folder string
--- @param options? { index?: string, max_age?: integer } 'index.html' for a folder;
---   seconds for which clients need not ask again
--- @return fun(request: std.http.Request, response: std.http.Response)
function M.handler(folder, options)
  options = options or {}
  local cache = { folder = folder, entries = {}, size = 0, names = {}, named = 0 }
  cache.index = options.index or 'index.html'
  cache.control = options.max_age and 'max-age=' .. options.max_age
  return function(asked, answer)
    local name = name_for(cache, asked.params['*'] or '')
    local entry = name and look(cache, name)
    if not entry then return answer:send('404 Not Found\n', 404) end
    return reply(entry, asked, answer)
  end
end

return M
