Feature: A case that goes wrong is noticed
  A desk wants to know who will be dissatisfied while there is still time. The model knows whatever columns the desk has, and
  answers with what is known so far.

  Scenario: Nobody is happier for having waited longer
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    When a program asks about customers who waited 1 and 2000 minutes
    Then the second is at least as likely to be dissatisfied as the first
    And the answers say why
