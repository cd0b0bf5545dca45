-- One worker, any backend: the same workers run in each, and what the journal says of
-- them is the same, line by line, but for what the contract says is not.
--
-- A file of cases/ is a theme: one host runs all its cases in all backends at once.
-- CONFORM_THEMES names some, to run only these.

local assert = require 'luassert'
local columns = require 'conform.columns'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local rig = require 'conform.rig'

local function themes()
  local list, all = {}, table.concat(posix.list 'spec/conform/cases', ' ')
  for name in (os.getenv 'CONFORM_THEMES' or all):gmatch '[%w_]+' do
    if name ~= 'lua' then list[#list + 1] = name end
  end
  return list
end

local function check(part)
  if not part.expected then return end
  local expected = table.concat(part.expected, '\n    ')
  local lines = table.concat(part.lines, '\n    ')
  local text = '%s\n  expected:\n    %s\n  journal:\n    %s'
  assert.is_true(expected == lines, text:format(part.path, expected, lines))
end

for _, theme in ipairs(themes()) do
  describe('in any backend, ' .. theme, function()
    local parts
    lazy_setup(function() parts = rig.run(theme) end)
    lazy_teardown(harness.sweep)

    for _, case in ipairs(rig.read(theme)) do
      for _, column in ipairs(columns) do
        if columns.has(column, case) then
          it(('%s: %s'):format(case[1], column.name), function()
            local group = ('plant/%s/%s'):format(column.name, columns.name(case))
            check(parts[group])
            for _, unit in ipairs(columns.units(case)) do
              check(parts[group .. '/' .. unit[1]])
            end
          end)
        end
      end
    end
  end)
end
