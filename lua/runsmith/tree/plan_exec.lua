--- A unit's process: rows of RS_T_EXEC from the fields of commands, process workers and
--- isolated supervisors.
local abi = require 'runsmith.abi'
local account = require 'runsmith.tree.account'
local describe = require 'runsmith.tree.describe'
local ffi = require 'ffi'
local fields_of = require 'runsmith.tree.fields'
local types = require 'runsmith.tree.types'

local M = {}

local C = abi.C
local NO_NICE, DEFAULT_OOM = 127, 2000

local function list_text(items)
  if not items or #items == 0 then return nil end
  return table.concat(items, '\0') .. '\0'
end

local function env_text(env)
  local items = {}
  for name, value in pairs(env or {}) do
    items[#items + 1] = value == false and name or name .. '=' .. tostring(value)
  end
  table.sort(items)
  return list_text(items)
end

local function umask_number(value)
  if value == nil then return -1 end
  return type(value) == 'string' and tonumber(value, 8) or value
end

local function put_process(self, row, fields)
  self:put(row.env, env_text(fields.env))
  self:put(row.cwd, fields.cwd)
  local user, groups = account.numbers(fields.user, fields.group)
  self:put(row.user, user)
  self:put(row.group, groups)
  row.umask = umask_number(fields.umask)
  row.nice = fields.nice or NO_NICE
  row.oom_score_adj = fields.oom_score_adj or DEFAULT_OOM
  local limits = fields.limits or {}
  row.memory = limits.memory and types.bytes(limits.memory) or 0
  row.cpu_time = limits.cpu_time and abi.time(limits.cpu_time) or 0
  row.open_files = limits.open_files or 0
  row.processes = limits.processes or 0
end

local function put_output(self, row, output)
  row.output = C.RS_OUT_JOURNAL
  if output == 'inherit' then row.output = C.RS_OUT_INHERIT end
  if type(output) == 'table' then
    row.output = C.RS_OUT_FILE
    self:put(row.output_path, output[1])
    row.output_max = types.bytes(output.max or '10M')
    row.output_keep = output.keep or 5
  end
end

local function put_ready(row, ready, probe)
  row.ready, row.ready_fd = C.RS_READY_STARTED, -1
  if ready == 'notify' then
    row.ready = C.RS_READY_NOTIFY
  elseif describe.kind(ready) == 'probe' then
    row.ready, row.ready_probe = C.RS_READY_PROBE, probe
  elseif ready then
    row.ready, row.ready_fd = C.RS_READY_FD, ready.fd
  end
end

local function put_step(self, ref, step)
  if not step then return 0 end
  self:put(ref, list_text(fields_of.step_argv(step)))
  return abi.time(step.timeout or 10)
end

-- One number for a list of files and what they hold; one that cannot be read counts as
-- if it were not in the list.
local function contents_hash(paths)
  local sum = 0ULL
  for _, path in ipairs(paths or {}) do
    local file = io.open(path, 'rb')
    local text = file and file:read '*a'
    if file then file:close() end
    if text then sum = sum + abi.hash(text, #text, abi.hash(path, #path)) end
  end
  return sum
end

local function put_command(self, row, fields, probe)
  self:put(row.argv, list_text(fields.exec))
  row.stop_signal = types.signal_number(fields.stop or 'TERM')
  row.reload_signal = fields.reload and types.signal_number(fields.reload) or 0
  self:put(row.files, list_text(fields.files))
  row.files_hash = contents_hash(fields.files)
  put_ready(row, fields.ready, probe)
  put_output(self, row, fields.output)
  local rate = fields.output_rate or {}
  row.output_lines = rate.lines or 1000
  row.output_within = abi.time(rate.within or 1)
  row.pre_timeout = put_step(self, row.pre, fields.pre)
  row.post_timeout = put_step(self, row.post, fields.post)
end

local function differs(fields)
  for key in pairs(fields_of.PROCESS) do
    if key ~= 'no_new_privs' and fields[key] ~= nil then return true end
  end
end

--- The row of a leaf's process; RS_NONE where nothing differs from the host's.
--- @param self runsmith.Compiler
--- @param leaf runsmith.Leaf
--- @param probe? integer the row of the probe that is its `ready`
--- @return integer
function M.row(self, leaf, probe)
  local fields = leaf.fields
  if leaf.kind ~= 'command' and not differs(fields) then return abi.NONE end
  local row = ffi.new 'rs_plan_exec'
  row.ready_probe = abi.NONE
  row.stop_signal = 15
  row.output_lines, row.output_within = 1000, abi.time(1)
  put_process(self, row, fields)
  if leaf.kind == 'command' then
    put_command(self, row, fields, probe)
  else
    row.ready_fd = -1
  end
  return self:share('exec', row)
end

--- What of it asks for a new incarnation when it changes.
--- @param self runsmith.Compiler
--- @param tree runsmith.Tree
--- @param fields table
--- @return table plain data
function M.essence(self, tree, fields)
  local part = {}
  for key in pairs(fields_of.PROCESS) do
    part[key] = fields[key]
  end
  for _, key in ipairs { 'exec', 'output', 'output_rate', 'pre', 'post' } do
    part[key] = fields[key]
  end
  local ready = fields.ready
  if describe.kind(ready) == 'probe' then
    part.ready = self:essence(tree.packs[ready])
  else
    part.ready = ready
  end
  return part
end

return M
