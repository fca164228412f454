Feature: A robot answers the simple questions
  A desk has help pages, and tickets that were answered with them. The model finds the page for a question, in the customer's
  language, and says whether it is sure enough to answer by itself.

  Scenario: A question is answered from the page it is about
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    When a customer asks the robot "I forgot my password and cannot log in, how do I reset it?"
    Then the robot shows a passage of the page "en/reset_password.html"
    And it says whether to answer, to ask back or to hand over

  Scenario: The same in Chinese
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    When a customer asks the robot "我的密码忘记了，怎么重置？"
    Then the robot shows a passage of the page "zh/reset_password.html"
