-- usage.lua -- what a host holds: memory, descriptors, mappings, processes.

local parts = require 'host.support.parts'
local posix = require 'host.support.posix'

local M = {}

local PATIENCE = 10
local RING = 64 * 1024 -- kB: the journal's ring, which fills up and then is full

--- Kilobytes of a process that it has for itself or shares, less the journal's ring.
--- @param field 'Rss'|'Pss'
function M.memory(pid, field)
  local sum, size = 0, 0
  local pattern = '^' .. field .. ':%s+(%d+)'
  for line in posix.slurp('/proc/' .. pid .. '/smaps'):gmatch '[^\n]+' do
    size = tonumber(line:match '^Size:%s+(%d+)' or size)
    local is = tonumber(line:match(pattern) or 0)
    if size < RING or size > RING + 64 then sum = sum + is end
  end
  return sum
end

-- What a sanitizer keeps for itself says nothing.
local MEMORY = {
  engine_rss = true, engine_maps = true, server_rss = true, runners_pss = true,
  runners_maps = true,
}

local function mappings(pid)
  return select(2, posix.slurp('/proc/' .. pid .. '/maps'):gsub('\n', ''))
end

local function descriptors(pid) return #posix.list('/proc/' .. pid .. '/fd') end

--- Seconds of a processor that a process has had.
function M.processor(pid)
  local rest = posix.slurp('/proc/' .. pid .. '/stat'):match '%) (.*)'
  local fields = {}
  for word in rest:gmatch '%S+' do
    fields[#fields + 1] = word
  end
  return (fields[12] + fields[13]) / 100 -- user and system, in ticks
end

--- @return table<string, number> of engine, fork server, and all else below the engine
function M.of(host)
  local engine, server = parts.find(host, 'engine'), parts.find(host, 'fork server')
  local found = {
    engine_rss = M.memory(engine, 'Rss'), engine_fds = descriptors(engine),
    engine_maps = mappings(engine), server_rss = M.memory(server, 'Rss'),
    server_fds = descriptors(server), processes = 0, runners_pss = 0, runners_fds = 0,
    runners_maps = 0,
  }
  found.watched = posix.slurp('/proc/' .. engine .. '/maps'):find 'libasan' and 1 or 0
  for _, process in ipairs(host:processes()) do
    found.processes = found.processes + 1
    if process.parent == engine and process.pid ~= server then
      found.runners_pss = found.runners_pss + M.memory(process.pid, 'Pss')
      found.runners_fds = found.runners_fds + descriptors(process.pid)
      found.runners_maps = found.runners_maps + mappings(process.pid)
    end
  end
  return found
end

--- What it holds once that stays the same: the next spare may be on its way.
function M.settled(host)
  local last, same = nil, 0
  for _ = 1, 100 do
    local now = M.of(host)
    local is = last and now.processes == last.processes
      and now.engine_fds == last.engine_fds and now.runners_fds == last.runners_fds
    same = is and same + 1 or 0
    if same == 3 then return now end
    last = now
    host:watch(0.02)
  end
  return last
end

local function compare(before, after, slack)
  local lines, flat = {}, true
  for name, was in pairs(before) do
    local is = after[name]
    local says = after.watched == 0 or not MEMORY[name]
    local grown = says and is > was + (slack[name] or 0)
    local mark = grown and '!!' or '  '
    lines[#lines + 1] = ('%s %s: %d -> %d'):format(mark, name, was, is)
    flat = flat and not grown
  end
  table.sort(lines)
  return flat, table.concat(lines, '\n')
end

--- Checks that a host has no more of anything than before, but for so much; what is on
--- its way out may take a moment.
--- @param host runsmith.spec.Host
--- @param before table<string, number> what `settled` gave
--- @param slack table<string, number> by name; 0 where there is none
function M.assert_flat(host, before, slack)
  local by, flat, text = posix.now() + PATIENCE, compare(before, M.settled(host), slack)
  while not flat and posix.now() < by do
    flat, text = compare(before, M.settled(host), slack)
  end
  if os.getenv 'RS_TELL' then print('\n' .. text) end
  if not flat then error('it grew:\n' .. text, 2) end
end

return M
