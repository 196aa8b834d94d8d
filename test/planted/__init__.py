"""Plants one violation in what a recorder saw: one function a kind, each with the finding that must come of it."""

from __future__ import annotations

from collections.abc import Callable

from planted.certificates import (
    a_false_age,
    a_wrong_margin,
    a_wrong_tool,
    another_contract,
    half_a_message,
    shadow_while_sent,
    stale_joints,
)
from planted.chunks import (
    a_lost_chunk,
    actions_again,
    an_old_chunk,
    an_older_chunk,
    another_checkpoint,
    another_chunk,
    who_is_not_in_command,
)
from planted.limits import (
    a_plan_out_of_the_tools_box,
    a_plan_too_fast_for_the_tool,
    limits_change_in_motion,
    tool_outside,
    tool_too_fast,
    unknown_limits,
    weaker_limits,
)
from planted.messages import (
    a_count_begins_anew,
    a_further_command,
    a_hidden_certificate,
    a_hidden_tick,
    a_lost_certificate,
    a_lost_command,
    another_command,
    certificates_swapped,
    commands_swapped,
    executed_differs,
    fewer_ticks_missed_than_before,
    ticks_said_to_be_missed,
)
from planted.motion import a_jump, beyond_its_range, not_a_number, too_fast, too_jerky, too_strong
from planted.plans import (
    a_plan_for_later,
    a_plan_in_half_the_time,
    a_plan_that_goes_on,
    a_plan_that_leaps,
    a_plan_without_times,
    one_point_at_speed,
)
from planted.readings import (
    a_name_too_few,
    joints_far_away,
    joints_named_twice,
    joints_that_are_no_numbers,
    joints_that_stand_still,
)
from planted.silence import silence_in_motion
from planted.stops import (
    a_forgotten_stop,
    a_hold_that_goes_on,
    a_stop_forgotten_by_configuring,
    an_ignored_emergency,
)
from planted.tape import NoPlace, Tape
from planted.words import (
    a_check_left_out,
    a_false_count_of_clamps,
    a_finding_cut_short,
    an_unknown_reason,
    an_unknown_refusal,
    no_checks,
    slow_for_no_reason,
    too_fast_a_path,
)
from qgf_ros.verify.violation import What

__all__ = ["MUTATIONS", "NoPlace", "Tape"]

MUTATIONS: dict[Callable[[Tape], None], What] = {
    beyond_its_range: What.POSITION,
    too_fast: What.VELOCITY,
    too_strong: What.ACCELERATION,
    too_jerky: What.JERK,
    a_jump: What.CONSISTENT,
    not_a_number: What.NOT_FINITE,
    tool_outside: What.TOOL_BOX,
    tool_too_fast: What.TOOL_SPEED,
    another_command: What.COMMAND_VALUE,
    a_lost_command: What.COMMAND_MISSING,
    a_further_command: What.COMMAND_UNCERTIFIED,
    commands_swapped: What.COMMAND_VALUE,
    a_plan_without_times: What.PLAN,
    a_plan_in_half_the_time: What.PLAN,
    a_plan_for_later: What.PLAN,
    a_plan_that_leaps: What.PLAN,
    a_plan_that_goes_on: What.PLAN,
    one_point_at_speed: What.PLAN,
    a_plan_out_of_the_tools_box: What.PLAN,
    a_plan_too_fast_for_the_tool: What.PLAN,
    executed_differs: What.EXECUTED,
    a_lost_certificate: What.SEQUENCE,
    a_hidden_certificate: What.COMMAND_UNCERTIFIED,
    certificates_swapped: What.SEQUENCE,
    a_hidden_tick: What.MISSING_TICK,
    ticks_said_to_be_missed: What.MISSING_TICK,
    fewer_ticks_missed_than_before: What.MISSING_TICK,
    a_count_begins_anew: What.PLACED,
    a_wrong_margin: What.MARGIN,
    a_wrong_tool: What.TOOL,
    a_false_age: What.AGE,
    stale_joints: What.STALE,
    joints_that_are_no_numbers: What.READING,
    joints_named_twice: What.READING,
    a_name_too_few: What.READING,
    joints_far_away: What.TRACKING,
    joints_that_stand_still: What.FROZEN,
    another_contract: What.CONTRACT,
    too_fast_a_path: What.SPEED,
    slow_for_no_reason: What.SPEED,
    no_checks: What.CHECKS,
    a_check_left_out: What.CHECKS,
    an_unknown_reason: What.FINDING,
    a_finding_cut_short: What.FINDING,
    a_false_count_of_clamps: What.FINDING,
    an_unknown_refusal: What.FINDING,
    shadow_while_sent: What.SHADOW,
    half_a_message: What.UNREADABLE,
    weaker_limits: What.LIMITS_WEAKER,
    unknown_limits: What.LIMITS_UNKNOWN,
    limits_change_in_motion: What.LIMITS_CHANGED,
    a_lost_chunk: What.CHUNK_UNKNOWN,
    another_chunk: What.CHUNK_CHANGED,
    an_older_chunk: What.CHUNK_UNKNOWN,
    an_old_chunk: What.CHUNK_OLD,
    actions_again: What.CHUNK_PLACE,
    another_checkpoint: What.CHECKPOINT,
    who_is_not_in_command: What.SENDER,
    silence_in_motion: What.SILENT,
    a_hold_that_goes_on: What.BRAKE,
    an_ignored_emergency: What.EMERGENCY,
    a_forgotten_stop: What.LATCH,
    a_stop_forgotten_by_configuring: What.LATCH,
}
