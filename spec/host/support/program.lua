-- program.lua -- trees of commands that are spec/host/support/command_program.c.

local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local M = {}

local BUILD = os.getenv 'RS_BUILD' or 'build/release'
if BUILD:sub(1, 1) ~= '/' then BUILD = harness.root() .. '/' .. BUILD end

local OWN = BUILD .. '/command_program'
local PLACES = { os.getenv 'TMPDIR' or '/tmp', '/tmp', '/var/tmp' }

M.path = OWN

local public -- a folder that anybody may enter, until the sweep

-- True if every folder of the path lets others through.
local function is_open(path)
  while path ~= '' do
    if not posix.is_public(path) then return false end
    path = path:match '^(.*)/[^/]*$'
  end
  return true
end

local function copy(path)
  local to = public .. '/' .. path:match '[^/]*$'
  assert(os.execute(("cp '%s' '%s' && chmod 755 '%s'"):format(path, to, to)) == 0)
  return to
end

--- Has M.command name a copy that any user can reach, until M.sweep; the build may lie
--- where only its owner comes.
--- @return string path of the folder
function M.publish()
  for _, place in ipairs(PLACES) do
    if not public and is_open(place) then public = posix.scratch(place) end
  end
  assert(public, 'no folder for all')
  assert(os.execute(("chmod 755 '%s'"):format(public)) == 0)
  M.path = copy(OWN)
  return public
end

--- Removes the copies; for after_each.
function M.sweep()
  if public then os.execute(("rm -rf '%s'"):format(public)) end
  public, M.path = nil, OWN
end

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

--- ... as a user who may make no cgroup, if we may choose. After M.publish.
function M.start_humbly(...)
  return harness.start {
    files = { ['tree.lua'] = M.tree(...) }, user = 'nobody',
    program = copy(harness.program()),
  }
end

--- Runs words of a shell as the same user, from outside any host.
--- @return string what it wrote
function M.run_humbly(words)
  local before = ''
  if posix.is_root() then
    before = 'setpriv --reuid=nobody --regid=nogroup --clear-groups '
  end
  local pipe = io.popen(("%ssh -c '%s'"):format(before, words))
  local text = pipe:read '*a'
  pipe:close()
  return text
end

return M
