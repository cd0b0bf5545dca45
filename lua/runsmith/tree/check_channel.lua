--- The check of a tree's channels.
local check_probe = require 'runsmith.tree.check_probe'
local fields_of = require 'runsmith.tree.fields'
local types = require 'runsmith.tree.types'

local M = {}

local show = types.show
local NAME = '^[%w_.-]+$'

local function path_of(checker, channel)
  local name = channel.node.name
  local text = name and show(name) or '?'
  return ('%s: channel %s'):format(checker.tree:path(channel.row), text)
end

-- The place of the channel of that name that is seen from below a supervisor.
local function find(checker, row, name)
  while row >= 0 do
    for i, channel in ipairs(checker.tree.channels) do
      if channel.row == row and channel.node.name == name then return i end
    end
    row = checker.tree.parents[row]
  end
end

-- What is rejected for ever would go round and round.
local function find_rings(checker)
  local channels = checker.tree.channels
  for i, channel in ipairs(channels) do
    local at = channel.rejects
    for _ = 1, #channels do
      if not at or at == i then break end
      at = channels[at].rejects
    end
    if at == i and i <= channel.rejects then
      local path = path_of(checker, channel)
      checker:wrong(channel.node.at, path, 'rejects: what goes there comes back here')
    end
  end
end

-- A file is one channel's: its items are nobody else's.
local function check_file(channel, files, wrong)
  local fields = channel.node.fields
  local file = type(fields) == 'table' and fields.durable
  if type(file) ~= 'string' then return end
  if file == '' then return wrong 'durable is empty; it must be the path of a file' end
  local plain = file:gsub('/+', '/'):gsub('/%./', '/'):gsub('^%./', '')
  local other = files[plain]
  if other then
    local text = "durable: '%s' is the file of channel '%s' (%s:%d); each has its own"
    wrong(text:format(file, other.name, other.at.file, other.at.line))
  end
  files[plain] = other or channel.node
end

--- Checks the channels.
--- @param checker table
function M.all(checker)
  local taken, files = {}, {}
  for _, channel in ipairs(checker.tree.channels) do
    local node, row = channel.node, channel.row
    local path = path_of(checker, channel)
    local function wrong(message) checker:wrong(node.at, path, message) end
    if type(node.name) ~= 'string' or not node.name:find(NAME) then
      wrong 'its name must be of letters, digits, _ . -'
    else
      taken[row] = taken[row] or {}
      if taken[row][node.name] then wrong 'there is a channel of this name already' end
      taken[row][node.name] = true
    end
    check_probe.fields(checker, node, path, fields_of.of.channel, {})
    local rejects = type(node.fields) == 'table' and node.fields.rejects
    if type(rejects) == 'string' then
      channel.rejects = find(checker, row, rejects)
      if not channel.rejects then
        wrong(("rejects: no channel '%s' is seen from here"):format(rejects))
      end
    end
    check_file(channel, files, wrong)
  end
  find_rings(checker)
end

return M
