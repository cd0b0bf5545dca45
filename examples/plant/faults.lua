--- faults.lua -- the switches that break the plant. One that is switched on is a file
--- in the folder of faults: NAME.on until it is switched off, NAME.once until a unit
--- has taken it away. So they outlive whom they break, and a program in C sees them.

local M = {}

--- In the page's order: name, what it does, what the host makes of it. A name begins
--- with its unit's.
M.LIST = {
  { 'camera-unplug', 'device is gone', 'the lifecycle reopens it, no restart' },
  { 'camera-slow', 'opens for 30 s', 'the state opening is left within 3 s, or else' },
  { 'camera-error', 'raises an error', 'restart' },
  { 'camera-stuck', 'driver sleeps', 'heartbeat late: its system call is interrupted' },
  { 'camera-hang', 'driver hangs', 'not to be interrupted: its runner is killed' },
  { 'camera-crash', 'driver crashes', 'SIGSEGV: its runner dies, it is named' },
  { 'inspector-error', 'raises an error', 'restart; its frame is delivered again' },
  { 'inspector-stall', 'endless loop', 'heartbeat late: where it loops is told' },
  { 'inspector-hang', 'blocks inside C', 'heartbeat late: killed' },
  { 'inspector-crash', 'SIGSEGV', 'its process alone dies' },
  { 'inspector-leak', 'leaks memory', 'a probe sees it and has it restarted' },
  { 'inspector-poison', 'a frame kills it', 'after two deaths the frame is set aside' },
  { 'recorder-error', 'raises an error', 'restart; no row lost, none twice' },
  { 'recorder-hang', 'blocks inside C', 'stalls its VM: killed, results wait' },
  { 'keeper-error', 'a job fails', 'restart with backoff' },
  { 'keeper-stall', 'a job loops', 'stall: ended by an interrupt' },
  { 'onvif-exit', 'ends with status 3', 'restart' },
  { 'onvif-crash', 'SIGSEGV', 'restart' },
  { 'onvif-hang', 'hangs', 'WATCHDOG=1 stays out: killed' },
  { 'onvif-mute', 'answers no more', 'our own kind of probe finds it' },
  { 'onvif-stubborn', 'ignores TERM', 'press Restart: killed after 2 s' },
  { 'onvif-orphan', 'ends, leaves a child', 'the child is found and killed' },
  { 'web-handler', 'a handler fails', 'status 500, logged; nobody restarts' },
  { 'web-error', 'raises an error', 'restart' },
  { 'web-stall', 'endless loop', 'heartbeat late: interrupted' },
  { 'web-deaf', 'does not listen', 'a probe by HTTP finds it' },
}

local known = {}
for _, fault in ipairs(M.LIST) do
  known[fault[1]] = true
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Whether a unit is to break now.
--- @param folder string
--- @param name string
function M.due(folder, name)
  local path = folder .. '/' .. name
  if exists(path .. '.once') and os.remove(path .. '.once') then return true end
  return exists(path .. '.on')
end

--- Switches: 'once', 'on' or 'off'.
--- @return true? ok, string? why
function M.switch(folder, name, how)
  if not known[name] then return nil, 'no such fault' end
  local path = folder .. '/' .. name
  if how == 'off' then
    os.remove(path .. '.once')
    os.remove(path .. '.on')
    return true
  elseif how ~= 'on' and how ~= 'once' then
    return nil, 'once, on or off'
  end
  local file, why = io.open(path .. '.' .. how, 'w')
  if not file then return nil, why end
  file:close()
  return true
end

--- What is switched on.
--- @param names string[] the folder's
--- @return table<string, string> # name → 'once' | 'on'
function M.state(names)
  local state = {}
  for _, file in ipairs(names) do
    local name, how = file:match '^(.*)%.(%a+)$'
    if known[name] then state[name] = how end
  end
  return state
end

return M
