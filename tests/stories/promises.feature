Feature: A promise instead of a threshold
  A desk lets a program answer some questions by itself, and must know that few of those answers are wrong. It writes down
  the share that has to be right. Every run finds out anew which answers may be taken, on tickets the model has not learned,
  and if that cannot be shown, none is.

  Scenario: Answers that are sure enough may be taken
    Given a desk with 1500 cases
    And the project promises that 0.8 of the accepted answers are right
    And the desk was run
    And the server is running
    When a program asks "Where is my order? It should have been here last week."
    Then the answer is accepted

  Scenario: What cannot be shown is not promised
    Given a desk with 600 cases
    And the project promises that 0.9999 of the accepted answers are right
    And the desk was run
    And the server is running
    When a program asks "Where is my order? It should have been here last week."
    Then the answer is not accepted
