--- A process and all that it started, as /proc tells.

local folder = require 'runsmith.folder'
local io_of = require 'runsmith.probe.io'
local uv = require('runsmith.vm.owned').module()

local M = {}

local function add_children(pid, list)
  local tasks = folder.names(uv, ('/proc/%d/task'):format(pid))
  for _, tid in ipairs(tasks or {}) do
    local text = io_of.read(('/proc/%d/task/%s/children'):format(pid, tid)) or ''
    for child in text:gmatch '%d+' do
      list[#list + 1] = tonumber(child)
    end
  end
end

--- @param pid integer
--- @return integer[] pids its own first
function M.of(pid)
  local list, at = { pid }, 1
  while list[at] do
    add_children(list[at], list)
    at = at + 1
  end
  return list
end

return M
