--- Changes of a file, or of what is in a folder, as the kernel tells them.

local err = require 'std.err'
local owned = require 'runsmith.vm.owned'
local schedule = require 'runsmith.vm.schedule'

local M = {}

local NAMES_MAX = 1000 -- that wait; of more it is only said that there were more

--- @class std.fs.Watcher
--- @field package handle userdata
--- @field package names table<string, true>
--- @field package count integer
--- @field package only? string the one file that is watched
--- @field package ticket? integer
local Watcher = {}
Watcher.__index = Watcher

local function note(watcher, name)
  if watcher.only and name ~= watcher.only then return end
  if not watcher.names[name] then
    watcher.count = watcher.count + 1
    if watcher.count <= NAMES_MAX then watcher.names[name] = true end
  end
  if watcher.ticket then schedule.wake(watcher.ticket, true) end
end

--- Waits until something has changed since the last time.
--- @param timeout? number seconds
--- @return string[]? names # in the folder, or nil and 'timeout', 'stopping', 'closed'
--- @return string|boolean|nil more true: there were more names than are kept
function Watcher:wait(timeout)
  if self.count == 0 then
    if not self.handle then return nil, 'closed' end
    self.ticket = schedule.ticket()
    local ok, why = schedule.suspend(self.ticket, timeout)
    self.ticket = nil
    if not ok then return nil, why end
  end
  local names, more = {}, self.count > NAMES_MAX
  for name in pairs(self.names) do
    names[#names + 1] = name
  end
  table.sort(names)
  self.names, self.count = {}, 0
  return names, more
end

--- Watches no longer.
function Watcher:close()
  if self.handle and not self.handle:is_closing() then self.handle:close() end
  self.handle = nil
end

--- @param path string
--- @param is_folder boolean
--- @return std.fs.Watcher? watcher, std.Err? err
function M.new(path, is_folder)
  local luv = owned.module()
  local folder, name = path:match '^(.-)/?([^/]+)/*$'
  local watcher = setmetatable({ names = {}, count = 0 }, Watcher)
  if not is_folder then
    -- A file that is replaced is another file: its folder says so.
    watcher.only = name
    path = folder ~= '' and folder or path:sub(1, 1) == '/' and '/' or '.'
  end
  watcher.handle = luv.new_fs_event()
  local ok, why = watcher.handle:start(path, {}, function(failed, changed)
    if not failed then note(watcher, changed or '') end
  end)
  if ok then return watcher end
  watcher:close()
  local fault = err.of_luv(why)
  return nil, err.new(fault.code, fault.message .. ': ' .. path)
end

return M
