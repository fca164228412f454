Feature: A gate keeps worse versions away from customers
  A new version is only used when it shows what the project asks for. If it does not, the desk goes on with the version
  before it, and whoever started the run is told why.

  Scenario: A version that does not reach what is asked for
    Given a desk with 900 cases, of which the latest third has not come in yet
    And the desk was run
    And the gate of the project asks for an accuracy of 0.999
    And the missing tickets have come in
    And the server is running
    When the desk is run
    Then the run ends with a refusal
    And the refusal says "accuracy at least 0.999" was not met
    And "prod" of the model "intent" is version 1
    And the model "intent" has 2 versions
    When a program asks "I want my money back"
    Then it is answered by version 1
    And before long version 2 answers when it is asked for by its number

  Scenario: Somebody decides otherwise
    Given a desk with 600 cases
    And the gate of the project asks for an accuracy of 0.999
    When the desk is run
    Then the run ends with a refusal
    And the model "intent" has no "prod"
    When version 1 of "intent" is promoted because "good enough for the pilot"
    Then "prod" of the model "intent" is version 1
