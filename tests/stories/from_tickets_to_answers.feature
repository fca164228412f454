Feature: A desk teaches a model with its own tickets
  A customer-service desk has months of tickets that its agents have labelled. From them it wants a model that tells
  what a new question is about, behind an address that its other programs can ask. It wants to teach the model again
  when new tickets have come in, and to go back at once when the new version turns out to be worse.

  Scenario: The first version, a better one, and back
    Given a desk with 900 cases, of which the latest third has not come in yet
    When the desk is run
    Then the run ends well
    And "prod" of the model "intent" is version 1

    Given the server is running
    When a program asks "Where is my order? It should have been here last week."
    Then it is answered by version 1

    When the missing tickets come in
    And the desk is run
    Then the run ends well
    And "prod" of the model "intent" is version 2
    And before long a program is answered by version 2

    When the model "intent" is rolled back because "agents see wrong labels"
    Then "prod" of the model "intent" is version 1
    And before long a program is answered by version 1
    And version 2 still answers when it is asked for by its number
    And the history of "intent" is
      | what     | version | why                    |
      | publish  | 1       | a run of the project   |
      | promote  | 1       | the gate passed it     |
      | publish  | 2       | a run of the project   |
      | promote  | 2       | the gate passed it     |
      | rollback | 1       | agents see wrong labels |

  Scenario: What was rolled back does not come back by itself
    Given a desk with 900 cases, of which the latest third has not come in yet
    And the desk was run
    And the missing tickets have come in
    And the desk was run
    And the model "intent" was rolled back because "agents see wrong labels"
    When the desk is run
    Then the run ends well
    And "prod" of the model "intent" is version 1

  Scenario: A run with nothing new makes nothing new
    Given a desk with 600 cases
    And the desk was run
    When the desk is run
    Then the run ends well
    And every stage was skipped
    And "prod" of the model "intent" is version 1
    And the model "intent" has 1 version
