-- program.lua -- trees of commands that are spec/host/command_program.c.

local harness = require 'host.harness'

local M = {}

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
if BUILD:sub(1, 1) ~= '/' then BUILD = harness.root() .. '/' .. BUILD end

M.path = BUILD .. '/command_program'

--- A command that does what the words say.
--- @param name string
--- @param words string words, parted by blanks
--- @param more? string more fields
function M.command(name, words, more)
  local list = { ('%q'):format(M.path) }
  for word in words:gmatch '%S+' do
    list[#list + 1] = ('%q'):format(word)
  end
  return ("rs.command '%s' { exec = { %s }, %s },\n"):format(
    name, table.concat(list, ', '), more or '')
end

--- @param ... string what M.command gave
function M.tree(...)
  return "local rs = require 'runsmith'\n"
    .. "return rs.supervisor 'plant' {\n  intensity = { max = 5, within = 60 },\n"
    .. table.concat { ... } .. '}\n'
end

--- Starts a host of these commands.
function M.start(...)
  return harness.start { files = { ['tree.lua'] = M.tree(...) } }
end

return M
