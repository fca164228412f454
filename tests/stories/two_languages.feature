Feature: English and Chinese are equal citizens
  The desk has customers who write English, customers who write Chinese, and customers who write both in one sentence.

  Scenario: The same model understands both languages
    Given a desk with 1500 cases
    And the desk was run
    And the server is running
    Then these questions are understood
      | language | question                                             | intent            |
      | English  | Where is my order? I am still waiting for the parcel | where_is_my_order |
      | Chinese  | 我的订单到哪里了？包裹还没收到                       | where_is_my_order |
      | English  | I forgot my password, please reset it                | reset_password    |
      | Chinese  | 我忘记密码了，请帮我重置密码                         | reset_password    |
      | English  | Please cancel my order                               | cancel_order      |
      | Chinese  | 请帮我取消订单                                       | cancel_order      |
      | both     | 请帮我 cancel my order，谢谢                         | cancel_order      |

  Scenario: Neither language is served worse
    Given a desk with 3000 cases
    When the desk is run
    Then the run ends well
    And the model "intent" is right in at least 80 percent of the English and of the Chinese questions held back
