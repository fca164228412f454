Feature: English and Chinese are equal citizens
  The desk has customers who write English, customers who write Chinese, and customers who write both in one sentence.

  Scenario Outline: A question in <language>
    Given the desk of two languages, run and served
    When a program asks "<question>"
    Then the answer is "<intent>"

    Examples:
      | language | question                                            | intent            |
      | English  | Where is my order? I am still waiting for the parcel | where_is_my_order |
      | Chinese  | 我的订单到哪里了？包裹还没收到                      | where_is_my_order |
      | English  | I forgot my password, please reset it               | reset_password    |
      | Chinese  | 我忘记密码了，请帮我重置密码                        | reset_password    |
      | English  | Please cancel my order                              | cancel_order      |
      | Chinese  | 请帮我取消订单                                      | cancel_order      |
      | both     | 请帮我 cancel my order，谢谢                        | cancel_order      |
