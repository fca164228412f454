Feature: A case goes to the agent who suits it
  The model knows from past cases how long each agent takes for what and how it ends. Waiting cases and free agents are
  brought together so that together they cost least, and everyone can read why.

  Scenario: Waiting cases are assigned to free agents
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    When 3 cases wait and the agents "A0001" and "A0003" are free for one case each
    Then each of the two agents has one case, with the reason and what else there was
    And one case is left, because the agents are needed for the others

  Scenario: Nobody gets a case in a language they do not speak
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    When a case in "zh" waits and the agent "A0001" speaks "en"
    Then the case is left, because nobody speaks "zh"
