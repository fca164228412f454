Feature: A desk that changes is noticed
  A form that is switched off, a channel that is booked as another, a field that nobody fills any more: the rows are right
  one by one, and the table is not what it was. Each run compares its tables with those of the last good run.

  Scenario: A channel that vanishes stops the run before a model learns from it
    Given a desk with 600 cases
    And a run stops when the "channel" of the tickets shifts
    And the desk was run
    When the chats of all tickets come in as e-mails
    And the desk is run
    Then the run ends with a refusal
    And the refusal says "`channel` is distributed as in the last good run"

  Scenario: A desk that goes on as before is left in peace
    Given a desk with 600 cases, of which the latest third has not come in yet
    And a run stops when the "channel" of the tickets shifts
    And the desk was run
    When the missing tickets come in
    And the desk is run
    Then the run ends well
