--- A task: one incarnation of a unit in this VM. It is an array, whose places are named
--- here: a table with named fields would take 250 bytes more for each of a million.

--- @class runsmith.Task
--- @field [1] integer|nil ID: the host's; nil: it has ended
--- @field [2] integer SLOT
--- @field [3] integer INC
--- @field [4] integer ROW: in the plan
--- @field [5] runsmith.Kind KIND
--- @field [6] thread? CO: where its functions run, one after another
--- @field [7] any SELF: the worker's; what else its kind keeps for it
--- @field [8] runsmith.Context? CTX
--- @field [9] string PHASE: which of its functions it is in; 'between': in none
--- @field [10] runsmith.State? STATE
--- @field [11] runsmith.Edge? EDGE: the transition in progress
--- @field [12] integer? TICKET: the wait in progress; below zero: it heeds no stop
--- @field [13] table? VALUES: what that wait will return
--- @field [14] boolean? REFUSE: nil: not asked to stop; true: its next wait is refused
--- @field [15] number? DUE: not before then is its state's function called again
--- @field [16] string[]? QUEUE: emitted events

local M = {
  ID = 1,
  SLOT = 2,
  INC = 3,
  ROW = 4,
  KIND = 5,
  CO = 6,
  SELF = 7,
  CTX = 8,
  PHASE = 9,
  STATE = 10,
  EDGE = 11,
  TICKET = 12,
  VALUES = 13,
  REFUSE = 14,
  DUE = 15,
  QUEUE = 16,
}

--- @param id integer
--- @param slot integer
--- @param inc integer
--- @param row integer
--- @param kind runsmith.Kind
--- @return runsmith.Task
function M.new(id, slot, inc, row, kind)
  -- All places are made here: an array grows by doubling.
  return {
    id, slot, inc, row, kind, nil, nil, nil, 'between',
    nil, nil, nil, nil, nil, nil, nil,
  }
end

return M
