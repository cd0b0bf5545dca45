--- What a probe is and what one look of it says: its kind's check, and combinations.

local host = require 'runsmith.host'
local plans = require 'runsmith.vm.plans'

local T = require 'runsmith.vm.task'
local ID = T.ID

local M = {}

M.PROBE, M.READY, M.ACTIVITY = 1, 2, 3 -- RS_P_...

local MEASURES = { -- what they say of a good look is worth telling
  http = true, memory = true, cpu = true, open_files = true, output = true,
}
local LINES_MAX = 1024 -- of a command's output, from one look to the next
local COMBINED = { all = true, any = true, no = true }
local NEEDS_NO_UNIT = {
  http = true, tcp = true, unix = true, exec = true, file = true, output = true,
}

--- A probe as it travels.
--- @class runsmith.Cargo
--- @field kind string
--- @field name? string what it is told as, in place of its kind
--- @field fields table as the tree gave them
--- @field parts runsmith.Cargo[] of a combination
--- @field check? function of a kind that the tree defines
--- @field memory? table what a kind keeps from one look to the next

--- What a row of RS_T_PROBE is: one of the numbers above.
--- @param number integer the plan's
--- @param row integer
--- @return integer
function M.what(number, row) return tonumber(plans.get(number).view.probe[row].kind) end

--- What it is to a task; equal ones share it.
--- @param number integer
--- @param row integer
--- @param runs runsmith.Behaviour
--- @return runsmith.Kind
function M.kind(number, row, runs)
  local plan, what = plans.get(number), M.what(number, row)
  local at = plan.view.probe[row]
  local code = plan.view:bytes(at.code)
  plan.probes = plan.probes or {}
  local shared = plan.probes[what .. code]
  if shared then return shared end
  local kind = { plan = plan, runs = runs, code = code, what = what }
  kind.key = tostring(at.identity)
  plan.probes[what .. code] = kind
  return kind
end

--- Decodes a probe, its kinds' modules included. Runs user code.
--- @param code string
--- @return runsmith.Cargo
function M.load(code)
  local spec = require('runsmith.tree.travel').decode(code)
  local function visit(cargo)
    cargo.memory = {}
    if not COMBINED[cargo.kind] and not cargo.check then
      cargo.check = require('runsmith.probe.' .. cargo.kind).check
    end
    for _, part in ipairs(cargo.parts or {}) do
      visit(part)
    end
  end
  visit(spec)
  return spec
end

local function any_part(cargo, test)
  if test(cargo) then return true end
  for _, part in ipairs(cargo.parts or {}) do
    if any_part(part, test) then return true end
  end
  return false
end

--- Whether a look needs to know the unit: what can be done without it is not asked for.
--- @param spec runsmith.Cargo
function M.wants_unit(spec)
  local action = spec.fields.action
  if type(action) == 'table' and action.call then return true end
  return any_part(spec, function(cargo)
    return not COMBINED[cargo.kind] and not NEEDS_NO_UNIT[cargo.kind]
  end)
end

--- @param spec runsmith.Cargo
function M.wants_lines(spec)
  return any_part(spec, function(cargo) return cargo.kind == 'output' end)
end

--- Whether it looks while its unit is in this state.
--- @param spec runsmith.Cargo
--- @param state string
--- @param is_ready? boolean
--- @return boolean
function M.looks_in(spec, state, is_ready)
  local when = spec.fields.when
  if when == nil then return is_ready or false end
  if type(when) == 'string' then return when == state end
  for _, name in ipairs(when) do
    if name == state then return true end
  end
  return false
end

--- Adds a line to those that the next look gets; the oldest give way.
--- @param lines? table
--- @param stream integer 1 stdout, 2 stderr
--- @param text string
--- @param missed integer lines that the engine could not send before this one
--- @return table lines
function M.keep_line(lines, stream, text, missed)
  lines = lines or { first = 1, last = 0, missed = 0 }
  lines.missed = lines.missed + missed
  lines.last = lines.last + 1
  lines[lines.last] = { stream = stream == 2 and 'stderr' or 'stdout', text = text }
  if lines.last - lines.first >= LINES_MAX then
    lines[lines.first] = nil
    lines.first, lines.missed = lines.first + 1, lines.missed + 1
  end
  return lines
end

-- A rule may give its reason along with either verdict; it is one for the bad alone.
local function said(spec, verdict, reason)
  if verdict == nil then return nil, reason end
  if verdict == false then return false, reason end
  return true, MEASURES[spec.kind] and reason or nil
end

-- True if all are; false with the first reason; unknown if that might still be.
function M.all(spec, unit, lines)
  local unknown, why = false, nil
  for _, part in ipairs(spec.parts) do
    local verdict, reason = M.look(part, unit, lines)
    if verdict == false then return false, reason end
    if verdict == nil then
      unknown, why = true, why or reason
    end
  end
  if unknown then return nil, why end
  return true
end

function M.any(spec, unit, lines)
  local unknown, reasons = false, {}
  for _, part in ipairs(spec.parts) do
    local verdict, reason = M.look(part, unit, lines)
    if verdict then return true, reason end
    if verdict == nil then unknown = true end
    reasons[#reasons + 1] = tostring(reason or part.kind .. ' gave no reason')
  end
  local text = table.concat(reasons, '; ')
  if unknown then return nil, text end
  return false, text
end

function M.no(spec, unit, lines)
  local verdict, reason = M.look(spec.parts[1], unit, lines)
  if verdict == nil then return nil, reason end
  if not verdict then return true end
  return false, reason or ('%s is true'):format(spec.parts[1].kind)
end

--- One look; in the coroutine of a look.
--- @param spec runsmith.Cargo
--- @param unit? table
--- @param lines? table
--- @return boolean? verdict, string? reason
function M.look(spec, unit, lines)
  if COMBINED[spec.kind] then return M[spec.kind](spec, unit, lines) end
  local about = { memory = spec.memory, lines = lines }
  return said(spec, spec.check(spec.fields, unit, about))
end

--- An entry of the journal in a probe's name.
--- @param task runsmith.Task
--- @param text string
function M.log(task, text)
  local entry = require('cjson').encode { text = text:sub(1, host.text_max / 4) }
  host.put(host.up.LOG, task[ID], 3, 0, entry)
end

return M
