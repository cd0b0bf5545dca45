--- Connections of a worker's that wait for its next request to the same server.

local host = require 'runsmith.host'
local net = require 'std.net'
local schedule = require 'runsmith.vm.schedule'
local strand = require 'runsmith.vm.strand'

local M = {}

local EACH_MAX = 8 -- to one server
local IDLE_MAX = 30 -- seconds

local pools = {} -- worker → server → connections, the latest last

local function usable(kept, now)
  local stream = kept.stream
  stream:spare(false)
  if stream:is_open() and now - kept.since < IDLE_MAX then return true end
  stream:close()
  return false
end

local function kept_for(key)
  local pool = pools[strand.current()]
  local list = pool and pool[key]
  local now = host.now()
  while list and list[1] do
    local kept = table.remove(list)
    if usable(kept, now) then return kept.stream end
  end
end

--- What makes connections alike.
--- @param url std.http.Url
--- @param options std.http.Ask
--- @return string
function M.key(url, options)
  local parts = { url.scheme, url.host, url.port, options.path or '', options.ca or '' }
  parts[6] = options.insecure and 'insecure' or ''
  return table.concat(parts, '\0')
end

--- A connection that waited, or a new one.
--- @param key string
--- @param url std.http.Url
--- @param options std.http.Ask
--- @param timeout number seconds
--- @return std.net.Stream? stream, boolean|string|std.Err was_kept_or_why
function M.take(key, url, options, timeout)
  local stream = not options.fresh and kept_for(key)
  if stream then return stream, true end
  local tls = url.scheme == 'https'
    and { ca = options.ca, insecure = options.insecure } or nil
  local made, why = net.connect {
    host = url.host, port = url.port, path = options.path, timeout = timeout, tls = tls,
  }
  if not made then return nil, why end
  return made, false
end

--- @param key string
--- @param stream std.net.Stream
function M.give(key, stream)
  local main = strand.current()
  local pool = pools[main] or {}
  pools[main] = pool
  local list = pool[key] or {}
  pool[key] = list
  if #list >= EACH_MAX then table.remove(list, 1).stream:close() end
  stream:spare(true)
  list[#list + 1] = { stream = stream, since = host.now() }
end

schedule.at_finish(function(task) pools[task] = nil end)

return M
